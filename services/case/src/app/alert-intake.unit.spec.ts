import { serviceActor } from '#contracts/envelope';
import { type BusMessage, done, ENRICHED_ALERTS_TOPIC } from '#libs/bus';
import { createMemoryEventStore, type EventStore } from '#libs/event-store';
import type { JsonObject } from '#libs/kernel';
import { alertIdOf, alertOf, type AlertSketch, host, receiptIdOf } from '../domain/alert.fixture';
import { rulesInForce, rulesOf } from '../domain/correlation-rules.fixture';
import { AlertIntake } from './alert-intake';

const rules = rulesOf([{ name: 'host', keys: ['host'], windowMinutes: 60 }]);
const clock = { now: () => new Date('2026-11-24T10:00:01.000Z') };
const intakeOn = (store: EventStore, by = rules) =>
  new AlertIntake({ store, rules: () => rulesInForce(by), clock, hmacKey: Buffer.alloc(32, 1) });

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

describe('the intake of a storm', () => {
  const above10 = rulesOf([{ name: 'host', keys: ['host'], windowMinutes: 60, suppress: { above: 10 } }]);
  const storm = (count: number, from = 0) =>
    Array.from({ length: count }, (_, index) => message({ uid: `storm-${from + index}` }));
  const countsOf = async (store: EventStore) => {
    const events = await all(store);
    const of = (type: string) => events.filter((event) => event.type === type);
    const outcomes = of('AlertRecorded').map(({ data }) => data['outcome']);
    const counted = of('AlertsSuppressed').map(({ data }) => Number(data['count']));
    return {
      cases: of('CaseOpened').length,
      shown: of('CaseOpened').length + of('AlertGrouped').length,
      suppressed: outcomes.filter((outcome) => outcome === 'suppressed').length,
      counts: counted,
      ofKey: of('CorrelationSuppressed').map(({ data }) => Number(data['count'])),
    };
  };

  it('grows its case by a batch and not by an alert, and accounts for each', async () => {
    const store = createMemoryEventStore();
    const intake = intakeOn(store, above10);
    for (const from of [0, 100, 200]) {
      const batch = storm(100, from);
      expect(await intake.take(batch)).toEqual(allDone(batch));
    }
    const counts = [90, 100, 100];
    expect(await countsOf(store)).toEqual({ cases: 1, shown: 10, suppressed: 290, counts, ofKey: counts });
  });

  it('gives a redelivered batch no second count, whatever else comes with it', async () => {
    const store = createMemoryEventStore();
    await intakeOn(store, above10).take(storm(50));
    await intakeOn(store, above10).take(storm(80));
    expect(await countsOf(store)).toMatchObject({ shown: 10, suppressed: 70, counts: [40, 30] });
  });

  it('keeps the order of what else happens to the case in the same batch', async () => {
    const store = createMemoryEventStore();
    const batch = [
      ...storm(20),
      message({ uid: 'storm-15', receipt: 'same again' }),
      message({ uid: 'storm-16', receipt: 'changed', content: 'second' }),
      message({ uid: 'graver', severityId: 5 }),
      message({ uid: 'storm-3', receipt: 'shown', content: 'second' }),
      ...storm(5, 20),
    ];
    expect(await intakeOn(store, above10).take(batch)).toEqual(allDone(batch));
    const cases = (await all(store)).filter(({ category }) => category === 'case').map(({ type }) => type);
    expect(cases.slice(10)).toEqual(['AlertsSuppressed', 'AlertGrouped', 'CaseAlertUpdated', 'AlertsSuppressed']);
    expect(await countsOf(store)).toMatchObject({ shown: 11, suppressed: 15, counts: [10, 5] });
    const same = await store.readStream('alert', `alert-${alertIdOf('storm-15')}`);
    expect(same.map(({ type }) => type)).toEqual(['AlertRecorded', 'AlertDuplicated']);
  });

  it('counts each once for two instances that take the same batches', async () => {
    const store = createMemoryEventStore();
    const [one, two] = [intakeOn(store, above10), intakeOn(store, above10)];
    await Promise.all([one.take(storm(200)), two.take(storm(200)), two.take(storm(100, 100)), one.take(storm(100))]);
    const { counts, ...rest } = await countsOf(store);
    expect(rest).toMatchObject({ cases: 1, shown: 10, suppressed: 190 });
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(190);
  });

  it('does not let one that cannot be stored take the others with it', async () => {
    const store = createMemoryEventStore();
    const broken = message({ uid: 'broken' });
    const finding = { ...(broken.data['finding'] as JsonObject), raw: 'a\u0000b' };
    const batch = [...storm(20), { ...broken, data: { ...broken.data, finding } }, ...storm(5, 20)];
    expect(await intakeOn(store, above10).take(batch)).toEqual(allDone(batch));
    const { counts, ...rest } = await countsOf(store);
    expect(rest).toMatchObject({ cases: 1, shown: 10, suppressed: 15 });
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(15);
    const rejected = (await all(store)).filter(({ type }) => type === 'AlertRejected');
    expect(rejected.map(({ stream }) => stream)).toEqual([`alert-${receiptIdOf('broken')}`]);
  });
});

describe('the intake by rules', () => {
  it('names in each outcome the rules of its time, and tells of what is suppressed', async () => {
    const store = createMemoryEventStore();
    const told: string[] = [];
    let version = 1;
    const intake = new AlertIntake({
      store,
      clock,
      hmacKey: Buffer.alloc(32, 1),
      rules: () => rulesInForce(rulesOf([{ name: 'noise', when: { title: 'Brute' }, drop: 'noise' }]), version),
      onSuppressed: (kind, rule) => told.push(`${kind} by ${rule}`),
    });
    await intake.take([message({ uid: 'a' })]);
    version = 2;
    await intake.take([message({ uid: 'b' })]);
    expect((await all(store)).map(({ data }) => data['decidedBy'])).toMatchObject([
      { rule: 'noise', rulesVersion: 1 },
      { rule: 'noise', rulesVersion: 2 },
    ]);
    expect(told).toEqual(['dropped by noise', 'dropped by noise']);
  });

  it('takes alerts of one natural key for one, in a batch, across batches and across instances', async () => {
    const store = createMemoryEventStore();
    const natural = rulesOf([], { naturalKeys: [{ name: 'same', fields: ['title', 'host'], windowMinutes: 10 }] });
    const [one, two] = [intakeOn(store, natural), intakeOn(store, natural)];
    const batch = (from: number) => Array.from({ length: 20 }, (_, index) => message({ uid: `n${from + index}` }));
    await Promise.all([one.take(batch(0)), two.take(batch(20))]);
    await two.take(batch(0));
    const events = await all(store);
    const of = (type: string) => events.filter((event) => event.type === type);
    expect([of('AlertRecorded'), of('AlertDuplicated'), of('NaturalKeyTaken')].map(({ length }) => length)).toEqual([
      ...[1, 39, 1],
    ]);
    const original = of('AlertRecorded')[0]?.data['alertId'];
    expect(new Set(of('AlertDuplicated').map(({ data }) => data['duplicateOf']))).toEqual(new Set([original]));
  });

  it('links cases that two instances open at the same time', async () => {
    const store = createMemoryEventStore();
    const linking = rulesOf([{ name: 'title', keys: ['title'], windowMinutes: 60, link: { by: ['host'] } }]);
    const [one, two] = [intakeOn(store, linking), intakeOn(store, linking)];
    await Promise.all([
      one.take([message({ uid: 'a', title: 'one' })]),
      two.take([message({ uid: 'b', title: 'two' })]),
    ]);
    const links = (await all(store)).filter(({ type }) => type === 'CaseLinked');
    expect(links).toHaveLength(2);
    expect(JSON.stringify(links)).not.toContain('web1');
  });
});
