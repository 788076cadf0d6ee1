import { execute, executeAll, type RecordedEvent } from '#libs/event-store';
import { type Decider, newId } from '#libs/kernel';
import { OLD, useArchivedLedger } from './archived-ledger.fixture';

const ledger = useArchivedLedger();
const { append, cover, archive } = ledger;

interface Count {
  readonly events: number;
}
type Counted = { readonly type: 'AlertDuplicated'; readonly data: { readonly after: number } };

/** Says how many events it has seen. */
const counting: Decider<Count, 'count', Counted> = {
  initialState: () => ({ events: 0 }),
  decide: (_, { events }) => [{ type: 'AlertDuplicated', data: { after: events } }],
  evolve: ({ events }) => ({ events: events + 1 }),
};

describe('deciding on a stream that was archived', () => {
  const streams = [1, 2, 3].map(() => `alert-${newId()}`);
  const context = (stream: string, causationId: string) => ({
    ...{
      category: 'alert' as const,
      stream,
      tenant: 'default',
      time: new Date(),
      meta: { correlationId: 'c', causationId },
    },
    actor: { kind: 'service' as const, id: 'case' },
  });
  const versions = (events: readonly RecordedEvent[]) => events.map(({ version, data }) => [version, data['after']]);

  beforeAll(async () => {
    for (const stream of streams) await append(stream, 3, OLD[0]);
    await append('case-1', 1, undefined, 'case');
    await cover();
    await archive();
  });

  it('sees nothing, and goes on from its head', async () => {
    const [stream = ''] = streams;
    const first = await execute(ledger.store(), counting, context(stream, 'm-1'), 'count');
    expect(versions(first.events)).toEqual([[4, 0]]);
    const second = await execute(ledger.store(), counting, context(stream, 'm-2'), 'count');
    expect(versions(second.events)).toEqual([[5, 1]]);
    expect((await execute(ledger.store(), counting, context(stream, 'm-1'), 'count')).events).toEqual(first.events);
  });

  it('does so for many at once, new streams among them', async () => {
    const [, one = '', other = ''] = streams;
    const fresh = `alert-${newId()}`;
    const requests = [one, fresh, other, one].map((stream, index) => ({
      context: context(stream, `m-${index}`),
      command: 'count' as const,
    }));
    const results = await executeAll(ledger.store(), counting, requests);
    expect(results.map((result) => (result.status === 'done' ? versions(result.events) : result.error))).toEqual([
      [[4, 0]],
      [[1, 0]],
      [[4, 0]],
      [[5, 1]],
    ]);
  });

  it('sees everything where the archives are at hand', async () => {
    const stream = `alert-${newId()}`;
    await ledger.makeShelvesFrom(202505);
    await append(stream, 2, 202505);
    await cover();
    await archive();
    const { events } = await execute(ledger.reader(), counting, context(stream, 'm-1'), 'count');
    expect(versions(events)).toEqual([[3, 2]]);
  });
});
