import type { ServiceName } from '#contracts/envelope';
import { ALERTS_TOPIC, BULK_ALERTS_TOPIC, deadTopic, eventTopic, URGENT_ALERTS_TOPIC } from '#contracts/topics';
import type { EventStore } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import type { TypeScriptChild } from '#libs/testing';
import type { Bus } from '../create-bus';
import type { DeadLetters } from '../dead-letters';
import { type BatchHandler, dead, done, retry, type BusMessage, type Outcome } from '../port';
import { appendCase, consume, consumeBatches, message, nameOf } from './bus-fixture';
import { eventually } from './eventually';

/** What the suite needs of a transport. Everything made by `createBus` is stopped when the test is over. */
export interface BusHarness {
  createBus(service: ServiceName): Bus;
  deadLetters(): DeadLetters;
  runHangingConsumer(): TypeScriptChild;
  /** Puts something on the alerts topic that is no message. */
  publishMalformed(key: string): Promise<void>;
  /** The store of the case service, whose events reach the event topics. */
  caseStore(): EventStore;
  /** How long it may take until another instance has taken over from one that was killed. */
  readonly takeoverMs: number;
}

const publish = (bus: Bus, ...names: string[]) => bus.publisher.publish(names.map((name) => message(name)));
const ofKey = (seen: readonly string[], key: string) => seen.filter((name) => name.startsWith(`${key}-`));

/** What both transports must do alike. Each test has a fresh set of topics and a fresh database. */
export function busConformance(harness: () => BusHarness): void {
  const bus = (service: ServiceName = 'case') => harness().createBus(service);
  const open = () => harness().deadLetters().list({ tenant: 'default', status: 'open', limit: 100 });
  const settled = async (consumer: Bus) => {
    await eventually(async () => {
      const lags = await consumer.lag();
      expect([lags.length > 0, lags.filter(({ lag, oldestSeconds }) => lag > 0 || oldestSeconds > 0)]).toEqual([
        true,
        [],
      ]);
    });
  };

  it('delivers in order within each key', async () => {
    const publisher = bus('ingest').publisher;
    const seen = await consume(bus(), ALERTS_TOPIC, () => done, { batch: 7 });
    const names = Array.from({ length: 100 }, (_, index) => `${'abcde'[index % 5]}-${Math.floor(index / 5)}`);
    await Promise.all([
      publisher.publish(names.slice(0, 40).map((name) => message(name))),
      publisher.publish(names.slice(40).map((name) => message(name))),
    ]);
    await eventually(() => expect(seen).toHaveLength(100));
    for (const key of 'abcde') {
      expect(ofKey(seen, key)).toEqual(names.filter((name) => name.startsWith(key)));
    }
  });

  it('carries a message as it was published', async () => {
    const received: BusMessage[] = [];
    await consume(bus(), ALERTS_TOPIC, (_, arrived) => (received.push(arrived), done));
    const sent = message('a-1', {
      causationId: 'cause',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      streamVersion: 4,
      actor: { kind: 'agent', id: 'bot', behalfOf: 'Grüße, 日本' },
      data: { text: 'Grüße, 日本 \u{1F512}', nested: { list: [1, null, true] }, escaped: '\u0000' },
    });
    await bus('ingest').publisher.publish([sent, message('a-2', { data: {} })]);
    await eventually(() => expect(received).toHaveLength(2));
    expect(received[0]).toEqual(sent);
  });

  it('delivers the events of a category in version order', async () => {
    const versions: string[] = [];
    const seen = await consume(bus('playbook-orchestrator'), eventTopic('case'), (_, { key, streamVersion }) => {
      versions.push(`${key} ${streamVersion}`);
      return done;
    });
    await appendCase(harness().caseStore(), 'case-1', 3);
    await eventually(() => expect(seen).toHaveLength(3));
    expect(versions).toEqual(['case-1 1', 'case-1 2', 'case-1 3']);
  });

  it('delivers what is urgent while all of the bulk lane is held up', async () => {
    const consumer = bus();
    let letGo: (outcome: Outcome) => void = () => undefined;
    const held = new Promise<Outcome>((resolve) => (letGo = resolve));
    const seen: string[] = [];
    const server = consumer.server();
    const handler = (answer: () => Outcome | Promise<Outcome>): BatchHandler => {
      return (messages) =>
        Promise.all(
          messages.map(async (received) => {
            seen.push(nameOf(received));
            return answer();
          }),
        );
    };
    server.addHandler(
      BULK_ALERTS_TOPIC,
      handler(() => held),
      true,
      { batch: 1 },
    );
    await consumeBatches(
      consumer,
      URGENT_ALERTS_TOPIC,
      handler(() => done),
    );
    const { publisher } = bus('ingest');
    const storm = Array.from({ length: 40 }, (_, index) => message(`${index}-storm`, { topic: BULK_ALERTS_TOPIC }));
    await publisher.publish(storm);
    await eventually(() => expect(seen.length).toBeGreaterThan(0), 30_000);
    await publisher.publish([message('a-urgent', { topic: URGENT_ALERTS_TOPIC })]);
    await eventually(() => expect(seen).toContain('a-urgent'), 30_000);
    expect(seen.length).toBeLessThan(storm.length);
    letGo(done);
    await eventually(() => expect(seen).toHaveLength(storm.length + 1));
    await settled(consumer);
    expect(new Set((await consumer.lag()).map(({ topic }) => topic))).toEqual(
      new Set([BULK_ALERTS_TOPIC, URGENT_ALERTS_TOPIC]),
    );
  });

  it('goes on where it was after a stop', async () => {
    const first = bus();
    const before = await consume(first, ALERTS_TOPIC, () => done);
    await publish(bus('ingest'), 'a-1', 'a-2');
    await eventually(() => expect(before).toHaveLength(2));
    await first.stop();
    await publish(bus('ingest'), 'a-3');
    const after = await consume(bus(), ALERTS_TOPIC, () => done);
    await eventually(() => expect(after).toContain('a-3'));
    expect(after).toEqual(['a-3']);
  });

  it('ends the batch in hand before it stops', async () => {
    const first = bus();
    let finish: (outcome: Outcome) => void = () => undefined;
    const before = await consume(first, ALERTS_TOPIC, () => new Promise<Outcome>((resolve) => (finish = resolve)));
    await publish(bus('ingest'), 'a-1');
    await eventually(() => expect(before).toEqual(['a-1']));
    const stopped = first.stop();
    finish(done);
    await stopped;
    await publish(bus('ingest'), 'a-2');
    const after = await consume(bus(), ALERTS_TOPIC, () => done);
    await eventually(() => expect(after).toContain('a-2'));
    expect(after).toEqual(['a-2']);
  });

  it('does not wait for ever for a handler that hangs when it stops', async () => {
    const consumer = bus();
    const seen = await consume(consumer, ALERTS_TOPIC, () => new Promise<Outcome>(() => undefined));
    await publish(bus('ingest'), 'a-1');
    await eventually(() => expect(seen).toEqual(['a-1']));
    const began = performance.now();
    await consumer.stop();
    expect(performance.now() - began).toBeLessThan(7_000);
  });

  it('delivers again what a killed process had handled and not recorded, to another instance', async () => {
    const victim = harness().runHangingConsumer();
    try {
      await publish(bus('ingest'), 'a-1', 'b-1');
      await victim.nextLine();
      const after: string[] = [];
      const standby = consume(bus(), ALERTS_TOPIC, (name) => (after.push(name), done));
      victim.kill();
      await eventually(() => expect(after.toSorted()).toEqual(['a-1', 'b-1']), harness().takeoverMs);
      await standby;
    } finally {
      victim.kill();
      await victim.ended();
    }
  });

  it('parks the key of a retry and no other, and keeps its order', async () => {
    let broken = true;
    const consumer = bus();
    const seen = await consume(consumer, ALERTS_TOPIC, (name) => {
      return name === 'a-1' && broken ? retry(100, 'the target is down') : done;
    });
    const ingest = bus('ingest');
    await publish(ingest, 'a-1', 'b-1');
    await eventually(() => expect(seen.filter((name) => name === 'a-1').length).toBeGreaterThan(1));
    await publish(ingest, 'a-2', 'b-2', 'a-3');
    await eventually(() => expect(seen).toContain('b-2'));
    expect(seen).not.toContain('a-2');
    await eventually(async () =>
      expect((await consumer.troubles()).parked.get(ALERTS_TOPIC)).toMatchObject({ messages: 3, keys: 1 }),
    );
    broken = false;
    await eventually(() => expect(seen).toContain('a-3'));
    expect(ofKey(seen, 'a').slice(-3)).toEqual(['a-1', 'a-2', 'a-3']);
    await eventually(async () => expect((await consumer.troubles()).parked.size).toBe(0));
  });

  it('puts a batch off while our own database is away, and parks nothing', async () => {
    let outages = 2;
    const seen: string[] = [];
    const consumer = bus();
    await consumeBatches(consumer, ALERTS_TOPIC, (messages) => {
      if ((outages -= 1) >= 0) throw new DomainError('database_unavailable', 'gone for a moment');
      seen.push(...messages.map(nameOf));
      return Promise.resolve(messages.map(() => done));
    });
    await publish(bus('ingest'), 'a-1', 'a-2', 'b-1');
    await eventually(() => expect(seen.toSorted()).toEqual(['a-1', 'a-2', 'b-1']));
    expect(ofKey(seen, 'a')).toEqual(['a-1', 'a-2']);
    expect((await consumer.troubles()).parked.size).toBe(0);
  });

  it('puts what a handler refuses to the dead letters, with reason and field, and goes on with its key', async () => {
    const seen = await consume(bus(), ALERTS_TOPIC, (name) =>
      name === 'a-1' ? dead('invalid_field', 'is missing', 'data.severity') : done,
    );
    await publish(bus('ingest'), 'a-1', 'a-2');
    await eventually(async () => expect((await open()).items).toHaveLength(1));
    await eventually(() => expect(seen).toContain('a-2'));
    expect((await open()).items[0]).toMatchObject({
      group: 'countersign.case',
      topic: ALERTS_TOPIC,
      key: 'a',
      code: 'invalid_field',
      reason: 'is missing',
      field: 'data.severity',
      status: 'open',
      message: { data: { name: 'a-1' } },
    });
  });

  it('delivers what died on <topic>.dead, with why, and nothing from there any further', async () => {
    const notices: BusMessage[] = [];
    const follower = bus('approval');
    await consume(follower, deadTopic(ALERTS_TOPIC), (_, notice) => {
      notices.push(notice);
      return dead('internal', 'this one dies again');
    });
    await consume(bus(), ALERTS_TOPIC, () => dead('invalid_field', 'is missing', 'data.severity'));
    const sent = message('a-1');
    await bus('ingest').publisher.publish([sent]);
    await harness().publishMalformed('a');
    await eventually(() => expect(notices).toHaveLength(1));
    expect(notices[0]).toEqual({
      ...sent,
      topic: deadTopic(ALERTS_TOPIC),
      death: { group: 'countersign.case', code: 'invalid_field', reason: 'is missing', field: 'data.severity' },
    });
    await eventually(async () => {
      const { items } = await harness().deadLetters().list({ tenant: 'default', unattributed: true, limit: 9 });
      expect(items.map(({ group, topic }) => `${group} ${topic}`).toSorted()).toEqual([
        `countersign.approval ${deadTopic(ALERTS_TOPIC)}`,
        `countersign.case ${ALERTS_TOPIC}`,
        `countersign.case ${ALERTS_TOPIC}`,
      ]);
    });
    await settled(follower);
  });

  it('delivers a dead letter again when an operator retries it', async () => {
    let fixed = false;
    const seen = await consume(bus(), ALERTS_TOPIC, () => (fixed ? done : dead('invalid_field', 'no')));
    await publish(bus('ingest'), 'a-1');
    await eventually(async () => expect((await open()).items).toHaveLength(1));
    const id = (await open()).items[0]?.id ?? '';
    fixed = true;
    await harness().deadLetters().retry(id, { tenant: 'default' }, 'operator');
    await eventually(() => expect(seen).toEqual(['a-1', 'a-1']));
    expect((await open()).items).toEqual([]);
    await expect(harness().deadLetters().retry(id, { tenant: 'default' }, 'operator')).rejects.toThrow(/is retried/);
  });

  it('gives up on a poisoned message after its attempts, and on no other', async () => {
    const consumer = bus();
    const handled = new Set<string>();
    await consumeBatches(
      consumer,
      ALERTS_TOPIC,
      (messages) => {
        if (messages.some((received) => nameOf(received) === 'c-1')) throw new TypeError('undefined is not a function');
        for (const received of messages) handled.add(nameOf(received));
        return Promise.resolve(messages.map(() => done));
      },
      { attempts: 2 },
    );
    const names = ['a-1', 'b-1', 'c-1', 'd-1', 'c-2', 'e-1'];
    await publish(bus('ingest'), ...names);
    await eventually(() => expect([...handled].toSorted()).toEqual(['a-1', 'b-1', 'c-2', 'd-1', 'e-1']));
    await eventually(async () => expect((await open()).items).toHaveLength(1));
    expect((await open()).items).toMatchObject([
      {
        code: 'retries_exhausted',
        reason: 'Given up after 2 attempts: undefined is not a function',
        attempts: 2,
        message: { data: { name: 'c-1' } },
      },
    ]);
  });

  it('hands on no version that only a later release knows, and says so when none came', async () => {
    const seen = await consume(bus(), ALERTS_TOPIC, () => done, { attempts: 1 });
    const later = message('a-1', { type: 'AlertReceived', schemaVersion: 99 });
    await bus('ingest').publisher.publish([later, message('b-1')]);
    await eventually(async () => expect((await open()).items).toHaveLength(1));
    await eventually(() => expect(seen).toEqual(['b-1']));
    expect((await open()).items).toMatchObject([
      {
        code: 'unknown_schema_version',
        reason: expect.stringContaining('AlertReceived has version 99; this release knows it up to version'),
        message: { schemaVersion: 99 },
      },
    ]);
  });

  it('passes by the types that a handler does nothing about', async () => {
    const consumer = bus();
    const seen = await consume(consumer, ALERTS_TOPIC, () => done, { batch: 3, types: ['AlertRefused'] });
    const { publisher } = bus('ingest');
    const some = (from: number) =>
      Array.from({ length: 10 }, (_, index) => message(`a-${from + index}`, { type: 'AlertReceived' }));
    await publisher.publish([...some(0), message('a-10', { type: 'AlertRefused' }), ...some(11)]);
    await publisher.publish([message('b-1', { type: 'AlertRefused' })]);
    await publisher.publish(some(21));
    await eventually(() => expect(seen).toEqual(['a-10', 'b-1']));
    await settled(consumer);
  });

  it('does not pass by a type that only a later release knows', async () => {
    const seen = await consume(bus(), ALERTS_TOPIC, () => done, { types: ['AlertRefused'] });
    await bus('ingest').publisher.publish([message('a-1', { type: 'AlertOfTomorrow' })]);
    await eventually(() => expect(seen).toEqual(['a-1']));
  });

  it('does not let a handler wait for a type that its topic never carries', async () => {
    await expect(consume(bus(), ALERTS_TOPIC, () => done, { types: ['AlertReceived', 'AlertLost'] })).rejects.toThrow(
      /names AlertLost/,
    );
  });

  it('keeps what is no message as a dead letter, and goes on', async () => {
    const seen = await consume(bus(), ALERTS_TOPIC, () => done);
    await publish(bus('ingest'), 'a-1');
    await harness().publishMalformed('a');
    await publish(bus('ingest'), 'a-2');
    await eventually(() => expect(seen).toEqual(['a-1', 'a-2']));
    const list = () =>
      harness().deadLetters().list({ tenant: 'default', unattributed: true, status: 'open', limit: 10 });
    // A handler sees its messages before what became of the batch is recorded.
    await eventually(async () =>
      expect((await list()).items).toMatchObject([{ code: 'invalid_message', topic: ALERTS_TOPIC }]),
    );
    const { items } = await list();
    expect(items[0]?.field).toBeDefined();
    await expect(
      harness()
        .deadLetters()
        .retry(items[0]?.id ?? '', { tenant: 'default', unattributed: true }, 'operator'),
    ).rejects.toThrow(/not a message/);
  });

  it('carries batches that are larger than one transfer', async () => {
    const text = 'x'.repeat(50_000);
    const names = Array.from({ length: 300 }, (_, index) => `${index % 10}-${index}`);
    const consumer = bus();
    const seen = await consume(consumer, ALERTS_TOPIC, () => done, { batch: 100 });
    await bus('ingest').publisher.publish(names.map((name) => message(name, { data: { name, text } })));
    await eventually(() => expect(seen).toHaveLength(300));
    for (let key = 0; key < 10; key += 1) {
      expect(ofKey(seen, String(key))).toEqual(names.filter((name) => name.startsWith(`${key}-`)));
    }
    await settled(consumer);
  });

  it('refuses a message that no transport could carry, by name', async () => {
    const publisher = bus('ingest').publisher;
    const large = message('a-1', { data: { text: 'x'.repeat(1_100_000) } });
    await expect(publisher.publish([message('b-1'), large])).rejects.toMatchObject({
      code: 'message_too_large',
      field: 'messages[1]',
    });
    await expect(publisher.publish([message('a-1', { key: 'a\0' })])).rejects.toMatchObject({
      code: 'invalid_character',
      field: 'messages[0].key',
    });
  });
}
