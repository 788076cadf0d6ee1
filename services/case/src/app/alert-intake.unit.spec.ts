import { serviceActor } from '#contracts/envelope';
import { type BusMessage, done, ENRICHED_ALERTS_TOPIC } from '#libs/bus';
import { createMemoryEventStore, type EventStore } from '#libs/event-store';
import type { JsonObject } from '#libs/kernel';
import { alertIdOf, alertOf, type AlertSketch, host, receiptIdOf } from '../domain/alert.fixture';
import type { CorrelationRules } from '../domain/correlation-rule';
import { AlertIntake } from './alert-intake';

const rules: CorrelationRules = {
  minimumSeverity: 'low',
  rules: [{ name: 'host', when: {}, keys: ['host'], windowMinutes: 60 }],
  fallback: { windowMinutes: 60 },
};
const clock = { now: () => new Date('2026-11-24T10:00:01.000Z') };
const intakeOn = (store: EventStore) => new AlertIntake({ store, rules, clock, hmacKey: Buffer.alloc(32, 1) });

function message(sketch: AlertSketch): BusMessage {
  const alert = alertOf(sketch);
  return {
    topic: ENRICHED_ALERTS_TOPIC,
    key: alert.alertId,
    id: alert.receiptId,
    type: 'AlertEnriched',
    source: '/countersign/enrichment',
    time: clock.now().toISOString(),
    tenant: 'default',
    schemaVersion: 1,
    actor: serviceActor('enrichment'),
    correlationId: alert.receiptId,
    data: alert as unknown as JsonObject,
  };
}

const all = async (store: EventStore) => (await store.readAfter(undefined, { limit: 10_000 })).events;
const allDone = (messages: readonly BusMessage[]) => messages.map(() => done);

describe('the intake of a batch', () => {
  it('lets each message see what those before it have decided', async () => {
    const store = createMemoryEventStore();
    const messages = [
      message({ uid: 'a', receipt: '1' }),
      message({ uid: 'a', receipt: '2' }),
      message({ uid: 'b', receipt: '3' }),
      message({ uid: 'a', receipt: '4', content: 'second' }),
    ];
    expect(await intakeOn(store).take(messages)).toEqual(allDone(messages));
    const alert = await store.readStream('alert', `alert-${alertIdOf('a')}`);
    expect(alert.map(({ type }) => type)).toEqual(['AlertRecorded', 'AlertDuplicated', 'AlertUpdated']);
    const cases = (await all(store)).filter(({ category }) => category === 'case');
    expect(cases.map(({ type }) => type)).toEqual(['CaseOpened', 'AlertGrouped', 'CaseAlertUpdated']);
  });

  it('opens one case for a storm that two instances take at the same time', async () => {
    const store = createMemoryEventStore();
    const messages = Array.from({ length: 1000 }, (_, index) => message({ uid: `storm-${index}` }));
    const [one, two] = [intakeOn(store), intakeOn(store)];
    const outcomes = await Promise.all([
      one.take(messages.slice(0, 500)),
      two.take(messages.slice(500)),
      two.take(messages.slice(0, 500)),
    ]);
    expect(outcomes.flat()).toEqual([...allDone(messages), ...allDone(messages.slice(0, 500))]);
    const events = await all(store);
    const count = (type: string) => events.filter((event) => event.type === type).length;
    expect([count('CaseOpened'), count('AlertGrouped'), count('AlertRecorded')]).toEqual([1, 999, 1000]);
  });

  it('gives a redelivered receipt no second outcome, also when a later one has changed the alert', async () => {
    const store = createMemoryEventStore();
    const first = message({ uid: 'a', receipt: '1' });
    const second = message({ uid: 'a', receipt: '2', content: 'second' });
    const intake = intakeOn(store);
    await intake.take([first, second]);
    const before = await all(store);
    expect(await intakeOn(store).take([first, second, first])).toEqual([done, done, done]);
    expect(await all(store)).toEqual(before);
  });

  it('gives the same events on every run: ids come from the receipt', async () => {
    const run = async () => {
      const store = createMemoryEventStore();
      await intakeOn(store).take([message({ uid: 'a' }), message({ uid: 'b' })]);
      return (await all(store)).map(({ id, stream }) => [id, stream]);
    };
    expect(await run()).toEqual(await run());
  });

  it('gives a rejected receipt no other outcome', async () => {
    const store = createMemoryEventStore();
    const broken = message({ uid: 'a' });
    await intakeOn(store).take([{ ...broken, data: { ...broken.data, score: 'high' } }]);
    expect(await intakeOn(store).take([broken])).toEqual([done]);
    const events = await all(store);
    expect(events.map(({ type, stream }) => [type, stream])).toEqual([['AlertRejected', `alert-${receiptIdOf('a')}`]]);
    expect(events[0]?.data).toMatchObject({ code: 'invalid_field', field: 'score', stage: 'case' });
  });

  it('sends what does not even say which receipt it is to the dead letters', async () => {
    const nothing = { ...message({}), data: {} };
    expect(await intakeOn(createMemoryEventStore()).take([nothing])).toMatchObject([
      { kind: 'dead', code: 'invalid_field' },
    ]);
  });

  it('refuses a type that this release does not know', async () => {
    const store = createMemoryEventStore();
    await intakeOn(store).take([{ ...message({ uid: 'b' }), type: 'AlertGuessed' }]);
    expect((await all(store)).map(({ data }) => [data['code'], data['field']])).toEqual([
      ['unknown_event_type', 'type'],
    ]);
  });

  it('names no key that alerts are correlated by (invariant 9)', async () => {
    const store = createMemoryEventStore();
    await intakeOn(store).take([message({ observables: [host('secret-host')] })]);
    const correlation = (await all(store)).filter(({ category }) => category === 'correlation');
    expect(JSON.stringify(correlation)).not.toContain('secret-host');
  });
});
