import { Closed } from '#contracts/schema';
import { earlier, revised, versioned } from '#contracts/versioned-contract';
import { DomainError } from '#libs/kernel';
import { dispatch, PutOff, type Delivery, type DispatchPolicy } from './dispatch';
import { dead, done, retry, type BatchHandler, type BusMessage } from './port';

const open = (message: BusMessage): BusMessage => message;
const policy: DispatchPolicy = { open, attempts: 3, timeoutMs: 1_000, mayPutOff: true };

/** `a1` is message 1 of key a. */
const delivery = (id: string, attempts = 0): Delivery => ({
  attempts,
  message: {
    topic: 'countersign.case',
    key: id[0] ?? '',
    id,
    type: 'CaseOpened',
    source: '/countersign/case',
    time: '2026-11-24T12:00:00.000Z',
    tenant: 'default',
    schemaVersion: 1,
    actor: { kind: 'service', id: 'case' },
    correlationId: id,
    data: {},
  },
});
const batch = (...ids: string[]) => ids.map((id) => delivery(id));
const each =
  (answer: (message: BusMessage) => ReturnType<typeof retry>): BatchHandler =>
  (messages) =>
    Promise.resolve(messages.map(answer));
const kinds = async (handler: BatchHandler, deliveries: Delivery[], changed: Partial<DispatchPolicy> = {}) =>
  (await dispatch(handler, deliveries, { ...policy, ...changed })).map((verdict) => verdict.kind);

describe('dispatching a batch', () => {
  it('gives the outcomes of the handler, in order', async () => {
    const handler = each(({ id }) => (id === 'b1' ? dead('invalid_field', 'no') : done));
    expect(await kinds(handler, batch('a1', 'b1', 'c1'))).toEqual(['done', 'dead', 'done']);
  });

  it('opens nothing for a handler that takes messages sealed, but for what is of an earlier version', async () => {
    const opened: string[] = [];
    const noting = (message: BusMessage): BusMessage => {
      opened.push(message.id);
      return message;
    };
    const { CaseOpened } = versioned({
      CaseOpened: revised(
        Closed({}),
        earlier(Closed({}), (data) => ({ ...data })),
      ),
    });
    const [old = delivery('a1')] = batch('a1');
    const [now = delivery('b1')] = batch('b1').map((one) => ({
      ...one,
      message: { ...one.message, schemaVersion: 2 },
    }));
    const handler = each(() => done);
    await dispatch(handler, [old, now], { ...policy, open: noting, sealed: true }, () => CaseOpened);
    expect(opened).toEqual(['a1']);
  });

  it('puts later messages of a retried key behind it, whatever the handler said of them', async () => {
    const handler = each(({ id }) => (id === 'a1' ? retry(10, 'later') : done));
    expect(await kinds(handler, batch('a1', 'b1', 'a2', 'a3'))).toEqual(['retry', 'done', 'behind', 'behind']);
  });

  it('finds the message that the handler throws on, and calls no later one of its key', async () => {
    const seen: string[][] = [];
    const handler: BatchHandler = (messages) => {
      seen.push(messages.map(({ id }) => id));
      if (messages.some(({ id }) => id === 'b1')) throw new Error('boom');
      return Promise.resolve(messages.map(() => done));
    };
    expect(await kinds(handler, batch('a1', 'b1', 'c1', 'b2', 'd1'))).toEqual([
      'done',
      'retry',
      'done',
      'behind',
      'done',
    ]);
    expect(seen.flat().filter((id) => id === 'b2')).toHaveLength(1);
  });

  it('takes a refusal of the domain for final, with its code, reason and field', async () => {
    const handler: BatchHandler = () => {
      throw new DomainError('invalid_field', { field: 'data.severity', reason: 'is missing' });
    };
    expect(await dispatch(handler, batch('a1'), policy)).toEqual([
      dead('invalid_field', 'is missing', 'data.severity'),
    ]);
  });

  it.each([
    ['an unreachable target', new DomainError('target_unreachable', 'x')],
    ['a lost race', new DomainError('stream_conflict', 'x')],
    ['an unforeseen error', new TypeError('x')],
  ])('tries again what may pass: %s', async (_, error) => {
    expect(await kinds(() => Promise.reject(error), batch('a1'))).toEqual(['retry']);
  });

  it('gives up after the last attempt', async () => {
    const verdicts = await dispatch(
      each(() => retry(10, 'still down')),
      [delivery('a1', 2), delivery('b1', 1)],
      policy,
    );
    expect(verdicts).toEqual([
      dead('retries_exhausted', 'Given up after 3 attempts: still down'),
      retry(10, 'still down'),
    ]);
  });

  it('puts the whole batch off in an outage of our own', async () => {
    const outage: BatchHandler = () => Promise.reject(new DomainError('database_unavailable', 'x'));
    await expect(dispatch(outage, batch('a1', 'b1'), policy)).rejects.toBeInstanceOf(PutOff);
    expect(await kinds(outage, batch('a1', 'b1'), { mayPutOff: false })).toEqual(['retry', 'retry']);
  });

  it.each(['[]', 'null', '["done", "done"]'])('treats a handler that returns %s as failing', async (answer) => {
    expect(await kinds(() => Promise.resolve(JSON.parse(answer)), batch('a1', 'b1'))).toEqual(['retry', 'retry']);
  });

  describe('a type of several versions', () => {
    const { CaseOpened } = versioned({
      CaseOpened: revised(
        Closed({}),
        earlier(Closed({}), () => ({ from: 1 })),
      ),
    });
    const ofVersion = (id: string, schemaVersion: number, attempts = 0): Delivery => {
      const { message } = delivery(id);
      return { attempts, message: { ...message, schemaVersion, data: { from: 'the bus' } } };
    };
    const seen: unknown[] = [];
    const remember = each(({ id, schemaVersion, data }) => (seen.push([id, schemaVersion, data['from']]), done));
    const run = (...deliveries: Delivery[]) => dispatch(remember, deliveries, policy, () => CaseOpened);
    beforeEach(() => void seen.splice(0));

    it('reaches the handler in the version of now, whichever it was sent in', async () => {
      const sent = ofVersion('a1', 1);
      expect(await run(sent, ofVersion('b1', 2))).toEqual([done, done]);
      expect(seen).toEqual([
        ['a1', 2, 1],
        ['b1', 2, 'the bus'],
      ]);
      expect(sent.message).toMatchObject({ schemaVersion: 1, data: { from: 'the bus' } });
    });

    it('waits for a later release in a version that this one does not know, and its key behind it', async () => {
      const verdicts = await run(ofVersion('a1', 2), ofVersion('a2', 3), ofVersion('a3', 2), ofVersion('b1', 2));
      expect(verdicts.map(({ kind }) => kind)).toEqual(['done', 'retry', 'behind', 'done']);
      expect(seen.map((entry) => String(entry).slice(0, 2))).toEqual(['a1', 'b1']);
    });

    it('is dead as unknown_schema_version when no later release came', async () => {
      expect(await run(ofVersion('a1', 3, 2))).toEqual([
        dead(
          'unknown_schema_version',
          'Given up after 3 attempts: schemaVersion: CaseOpened has version 3; this release knows it up to version 2',
        ),
      ]);
    });

    it('is told on a dead topic as it died', async () => {
      const died = ofVersion('a1', 3);
      expect(await run({ ...died, message: { ...died.message, topic: 'countersign.case.dead' } })).toEqual([done]);
      expect(seen).toEqual([['a1', 3, 'the bus']]);
    });
  });

  it('does not wait forever for a handler', async () => {
    const [verdict] = await dispatch(() => new Promise(() => undefined), batch('a1'), { ...policy, timeoutMs: 20 });
    expect(verdict).toMatchObject({ kind: 'retry', reason: 'The handler gave no answer within 20 ms' });
  });
});
