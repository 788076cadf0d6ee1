import type { AlertEvent, CorrelationEvent } from '#contracts/events/alert';
import type { CaseEvent } from '#contracts/events/case';
import { fold } from '#libs/kernel';
import { alertDecider } from './alert.decider';
import { alertOf, type AlertSketch } from './alert.fixture';
import { caseDecider } from './case.decider';
import type { CorrelationRules } from './correlation-rule';
import { correlate, naturalKeyOf } from './correlation-rule';
import { rulesOf } from './correlation-rules.fixture';
import { correlationDecider, type WindowEvent } from './correlation.decider';
import { entityDecider, type EntityEvent } from './entity.decider';
import { decideIntake, type IntakeDecision } from './intake';
import { naturalKeyDecider, type NaturalKeyEvent } from './natural-key.decider';

const HOST = rulesOf([{ name: 'host', keys: ['host'], windowMinutes: 60 }]);

/** All streams, as receptions one after another leave them. */
class World {
  readonly streams = new Map<string, (AlertEvent | CorrelationEvent | CaseEvent)[]>();
  private receptions = 0;

  constructor(private readonly rules: CorrelationRules = HOST) {}

  receive(sketch: AlertSketch, by = this.rules): IntakeDecision {
    const alert = alertOf(sketch);
    this.receptions += 1;
    const ruling = correlate(by, alert);
    const natural = naturalKeyOf(by, alert);
    const key = ruling?.kind === 'group' ? `key ${ruling.rule} ${ruling.key}` : '';
    const links = ruling?.kind === 'group' ? ruling.links : [];
    const decision = decideIntake(
      {
        ...{ alert, ruling, natural, rules: { version: 3, digest: 'f'.repeat(64) } },
        ...{ newCaseId: `case-${this.receptions}`, now: '2026-11-24T12:00:00.000Z' },
      },
      {
        alert: fold(alertDecider, this.of<AlertEvent>(alert.alertId)),
        correlation: fold(correlationDecider, this.of<WindowEvent>(key)),
        natural: fold(naturalKeyDecider, this.of<NaturalKeyEvent>(`natural ${natural?.key}`)),
        entities: links.map(({ value }) => fold(entityDecider, this.of<EntityEvent>(`entity ${value}`))),
        caseById: (caseId) => this.case(caseId),
      },
    );
    this.add(alert.alertId, decision.alert);
    this.add(key, decision.correlation);
    this.add(`natural ${natural?.key}`, decision.natural);
    for (const [at, { value }] of links.entries()) this.add(`entity ${value}`, decision.entities[at] ?? []);
    this.add(decision.caseId ?? '', decision.case);
    for (const [caseId, events] of decision.linked) this.add(caseId, events);
    return decision;
  }

  add(stream: string, events: readonly (AlertEvent | CorrelationEvent | CaseEvent)[]): void {
    this.streams.set(stream, [...(this.streams.get(stream) ?? []), ...events]);
  }

  case(caseId: string) {
    return fold(caseDecider, this.of<CaseEvent>(caseId));
  }

  private of<Event>(stream: string): Event[] {
    // A stream holds what its decider has decided.
    return (this.streams.get(stream) ?? []) as Event[];
  }
}

const types = (decision: IntakeDecision): string[] =>
  [...decision.alert, ...decision.correlation, ...decision.case].map(({ type }) => type);
const many = (world: World, count: number, sketch: AlertSketch = {}) =>
  Array.from({ length: count }, (_, index) => world.receive({ ...sketch, uid: `${sketch.title ?? ''}${index}` }));

describe('the intake of an alert', () => {
  it('opens a case for a new one, and names the rule and the rules that decided', () => {
    const decision = new World().receive({});
    expect(types(decision)).toEqual(['AlertRecorded', 'CorrelationOpened', 'CaseOpened']);
    expect(decision.alert[0]?.data).toMatchObject({
      ...{ outcome: 'new', caseId: 'case-1', suppression: null },
      decidedBy: { rule: 'host', rulesVersion: 3, rulesDigest: 'f'.repeat(64) },
    });
  });

  it('groups the next one of the same key into that case', () => {
    const world = new World();
    world.receive({ uid: 'a' });
    const decision = world.receive({ uid: 'b', receivedAt: '2026-11-24T10:59:00.000Z' });
    expect(types(decision)).toEqual(['AlertRecorded', 'CorrelationJoined', 'AlertGrouped']);
    expect(decision.alert[0]?.data).toMatchObject({ outcome: 'grouped', caseId: 'case-1' });
    expect(decision.correlation[0]?.data.windowEndsAt).toBe('2026-11-24T11:59:00.000Z');
  });

  it('opens another case once the window has passed', () => {
    const world = new World();
    world.receive({ uid: 'a' });
    const decision = world.receive({ uid: 'b', receivedAt: '2026-11-24T11:00:00.001Z' });
    expect(types(decision)).toEqual(['AlertRecorded', 'CorrelationOpened', 'CaseOpened']);
  });

  it('opens another case when people have closed the first', () => {
    const world = new World();
    world.receive({ uid: 'a' });
    close(world, 'case-1');
    expect(world.receive({ uid: 'b' }).caseId).toBe('case-2');
  });

  it('changes no case for the same content again', () => {
    const world = new World();
    world.receive({ receipt: 'first' });
    const decision = world.receive({ receipt: 'second' });
    expect(types(decision)).toEqual(['AlertDuplicated']);
    expect(decision.alert[0]?.data).toMatchObject({ caseId: 'case-1', duplicateOf: null });
  });

  it('takes other content of a known alert to the case it has', () => {
    const world = new World();
    world.receive({ receipt: 'first' });
    const decision = world.receive({ receipt: 'second', content: 'second' });
    expect(types(decision)).toEqual(['AlertUpdated', 'CaseAlertUpdated']);
    expect(decision.caseId).toBe('case-1');
  });

  it('leads a harmless alert to no case', () => {
    const decision = new World().receive({ severityId: 1 });
    expect(types(decision)).toEqual(['AlertRecorded']);
    expect(decision.alert[0]?.data).toMatchObject({ outcome: 'new', caseId: null, decidedBy: null });
  });

  it('opens a case when a harmless alert is sent again as a grave one', () => {
    const world = new World();
    world.receive({ receipt: 'first', severityId: 1 });
    const decision = world.receive({ receipt: 'second', severityId: 5, content: 'second' });
    expect(types(decision)).toEqual(['AlertUpdated', 'CorrelationOpened', 'CaseOpened']);
    expect(decision.alert[0]?.data).toMatchObject({ caseId: 'case-2', decidedBy: { rule: 'host' } });
  });

  it('lets a version that a later one has overtaken change nothing but the history', () => {
    const world = new World();
    world.receive({ receipt: 'later', content: 'second', severityId: 5, receivedAt: '2026-11-24T10:00:01.000Z' });
    const early = { receipt: 'earlier', content: 'first', severityId: 2, receivedAt: '2026-11-24T10:00:00.000Z' };
    const decision = world.receive(early);
    expect(types(decision)).toEqual(['AlertUpdated']);
    expect(decision.alert[0]?.data).toMatchObject({ caseId: 'case-1' });
    expect(types(world.receive({ receipt: 'again', content: 'second', severityId: 5 }))).toEqual(['AlertDuplicated']);
  });
});

describe('a rule that drops', () => {
  const dropping = rulesOf([{ name: 'noise', when: { title: 'Brute' }, drop: 'known noise' }]);

  it('records the alert as suppressed, for its reason, in no case', () => {
    const decision = new World(dropping).receive({});
    expect(types(decision)).toEqual(['AlertRecorded']);
    expect(decision.alert[0]?.data).toMatchObject({
      ...{ outcome: 'suppressed', caseId: null, decidedBy: { rule: 'noise' } },
      suppression: { kind: 'dropped', reason: 'known noise' },
    });
  });

  it('says nothing of the same alert with content that it does not fit', () => {
    const world = new World(dropping);
    world.receive({ receipt: 'first' });
    const decision = world.receive({ receipt: 'second', content: 'second', title: 'Login from a new country' });
    expect(types(decision)).toEqual(['AlertUpdated', 'CorrelationOpened', 'CaseOpened']);
  });
});

describe('a storm', () => {
  const above3 = rulesOf([{ name: 'host', keys: ['host'], windowMinutes: 60, suppress: { above: 3 } }]);

  it('is shown up to the limit, and only counted above it', () => {
    const world = new World(above3);
    const decisions = many(world, 6);
    expect(decisions.map((decision) => types(decision).at(-1))).toEqual([
      ...['CaseOpened', 'AlertGrouped', 'AlertGrouped'],
      ...['AlertsSuppressed', 'AlertsSuppressed', 'AlertsSuppressed'],
    ]);
    expect(decisions[3]?.alert[0]?.data).toMatchObject({
      ...{ outcome: 'suppressed', caseId: 'case-1', decidedBy: { rule: 'host' } },
      suppression: { kind: 'counted', reason: 'the case has 3 like it' },
    });
    expect(world.case('case-1')).toMatchObject({ suppressed: 3, alerts: { high: 3 } });
  });

  it('prolongs the window that it belongs to', () => {
    const world = new World(above3);
    many(world, 4, { receivedAt: '2026-11-24T10:00:00.000Z' });
    world.receive({ uid: 'later', receivedAt: '2026-11-24T10:59:00.000Z' });
    expect(world.receive({ uid: 'last', receivedAt: '2026-11-24T11:58:00.000Z' }).caseId).toBe('case-1');
  });

  it('hides nothing that is graver, of another kind or from another source', () => {
    const world = new World(above3);
    many(world, 10);
    expect(types(world.receive({ uid: 'graver', severityId: 5 }))).toContain('AlertGrouped');
    expect(types(world.receive({ uid: 'other', title: 'Ransomware note written' }))).toContain('AlertGrouped');
    const fromElsewhere = { ...alertOf({ uid: 'elsewhere' }), sourceId: alertOf({ uid: 'x' }).alertId };
    expect(correlate(above3, fromElsewhere)).not.toMatchObject({ likeness: likenessOf(above3) });
  });

  it('shows again what it had counted, once that has become graver', () => {
    const world = new World(above3);
    many(world, 5);
    const harmless = world.receive({ uid: '4', receipt: 'again', content: 'second' });
    expect(types(harmless)).toEqual(['AlertUpdated']);
    const graver = world.receive({ uid: '4', receipt: 'and again', content: 'third', severityId: 5 });
    expect(types(graver)).toEqual(['AlertUpdated', 'AlertGrouped']);
    const later = world.receive({ uid: '4', receipt: 'once more', content: 'fourth', severityId: 5 });
    expect(types(later)).toEqual(['AlertUpdated', 'CaseAlertUpdated']);
    expect(world.case('case-1')).toMatchObject({ severity: 'critical', suppressed: 2 });
  });

  it('of ever new titles is held too, and leaves a small state', () => {
    const world = new World(above3);
    const letters = Array.from({ length: 200 }, (_, at) => String.fromCodePoint(0x4e00 + at));
    const decisions = letters.map((title, at) => world.receive({ uid: String(at), title }));
    expect(decisions.filter(({ counted }) => counted).length).toBe(200 - 50 - 3);
    const [key] = [...world.streams.keys()].filter((name) => name.startsWith('key'));
    const window = fold(correlationDecider, (world.streams.get(key ?? '') ?? []) as WindowEvent[]);
    expect(window).toMatchObject({ alerts: 200 });
    expect(window.status === 'open' ? Object.keys(window.alike).length : 0).toBe(51);
  });
});

describe('a rule that escalates', () => {
  const to = { kind: 'tier', id: 'tier-2' } as const;
  const escalating = rulesOf([
    {
      ...{ name: 'host', keys: ['host'], windowMinutes: 60, suppress: { above: 2 } },
      escalate: [
        { alerts: 4, raiseTo: 'critical' },
        { alerts: 3, to, withinMinutes: 30 },
      ],
    },
  ]);

  it('does so once, when the case has seen enough, those only counted included', () => {
    const world = new World(escalating);
    const decisions = many(world, 6);
    expect(decisions.map(({ case: events }) => events.map(({ type }) => type))).toEqual([
      ['CaseOpened'],
      ['AlertGrouped'],
      ['AlertsSuppressed', 'CaseEscalated'],
      ['AlertsSuppressed', 'CaseSeverityChanged'],
      ['AlertsSuppressed'],
      ['AlertsSuppressed'],
    ]);
    expect(decisions[2]?.case[1]?.data).toMatchObject({
      ...{ to, deadline: '2026-11-24T12:30:00.000Z', reason: 'Rule host: 3 alerts.' },
    });
    expect(world.case('case-1')).toMatchObject({ severity: 'critical', severityBy: 'alerts', raisedTo: 'critical' });
  });

  it('leaves a severity alone that people have set', () => {
    const world = new World(escalating);
    many(world, 1);
    const data = { caseId: 'case-1', from: 'high', to: 'low', reason: '', rule: null } as const;
    world.add('case-1', [{ type: 'CaseSeverityChanged', data }]);
    many(world, 8, { title: 'again' });
    expect(world.case('case-1')).toMatchObject({ severity: 'low', severityBy: 'person' });
  });

  it('looks at sources and at the gravest alert', () => {
    const rules = rulesOf([
      {
        ...{ name: 'host', keys: ['host'], windowMinutes: 60 },
        escalate: [
          { severityAtLeast: 'critical', to, withinMinutes: 5 },
          { sources: 2, raiseTo: 'critical' },
        ],
      },
    ]);
    const world = new World(rules);
    expect(types(world.receive({ severityId: 5 }))).toContain('CaseEscalated');
    const other = new World(rules);
    expect(types(other.receive({ severityId: 3 }))).not.toContain('CaseEscalated');
  });
});

describe('a rule that links', () => {
  const linking = rulesOf([{ name: 'title', keys: ['title'], windowMinutes: 60, link: { by: ['host'] } }]);

  it('links a case to the open ones that have seen the same entity, both ways', () => {
    const world = new World(linking);
    world.receive({ uid: 'a', title: 'one' });
    const decision = world.receive({ uid: 'b', title: 'two' });
    expect(decision.case.map(({ type }) => type)).toEqual(['CaseOpened', 'CaseLinked']);
    expect([world.case('case-1'), world.case('case-2')]).toMatchObject([{ links: ['case-2'] }, { links: ['case-1'] }]);
    expect(types(world.receive({ uid: 'c', title: 'two' }))).not.toContain('CaseLinked');
  });

  it('leaves closed ones alone', () => {
    const world = new World(linking);
    world.receive({ uid: 'a', title: 'one' });
    close(world, 'case-1');
    expect(types(world.receive({ uid: 'b', title: 'two' }))).not.toContain('CaseLinked');
  });

  it('links nothing by what many cases have in common', () => {
    const world = new World(linking);
    for (let at = 0; at < 60; at += 1) world.receive({ uid: String(at), title: String.fromCodePoint(0x4e00 + at) });
    const links = Array.from({ length: 60 }, (_, at) => {
      const state = world.case(`case-${at + 1}`);
      return state.exists ? state.links.length : -1;
    });
    expect(Math.max(...links)).toBeLessThan(20);
    expect(links.slice(25).every((count) => count === 0)).toBe(true);
  });
});

describe('a natural key', () => {
  const natural = rulesOf([], { naturalKeys: [{ name: 'same', fields: ['title', 'host'], windowMinutes: 10 }] });

  it('makes the next alert of its window a duplicate of the first, with its id and case', () => {
    const world = new World(natural);
    const first = world.receive({ uid: 'a' });
    expect(first.natural[0]?.data).toMatchObject({ alertId: alertOf({ uid: 'a' }).alertId, caseId: 'case-1' });
    const second = world.receive({ uid: 'b', receivedAt: '2026-11-24T10:10:00.000Z' });
    expect(types(second)).toEqual(['AlertDuplicated']);
    expect(second.alert[0]?.data).toMatchObject({
      ...{ duplicateOf: alertOf({ uid: 'a' }).alertId, caseId: 'case-1', decidedBy: { rule: 'same' } },
    });
    const again = world.receive({ uid: 'b', receipt: 'again', receivedAt: '2026-11-24T12:00:00.000Z' });
    expect(again.alert[0]).toMatchObject({
      type: 'AlertDuplicated',
      data: { duplicateOf: alertOf({ uid: 'a' }).alertId },
    });
  });

  it('is free again after its window', () => {
    const world = new World(natural);
    world.receive({ uid: 'a' });
    const later = world.receive({ uid: 'b', receivedAt: '2026-11-24T10:10:00.001Z' });
    expect(later.alert[0]?.type).toBe('AlertRecorded');
    expect(later.natural).toHaveLength(1);
  });

  it('takes an update of the first one for an update', () => {
    const world = new World(natural);
    world.receive({ uid: 'a' });
    expect(types(world.receive({ uid: 'a', receipt: 'b', content: 'second' }))).toContain('AlertUpdated');
  });
});

function likenessOf(rules: CorrelationRules): string | undefined {
  const ruling = correlate(rules, alertOf());
  return ruling?.kind === 'group' ? ruling.likeness : undefined;
}

function close(world: World, caseId: string): void {
  const data = { caseId, from: 'new', to: 'closed', resolution: 'benign', comment: '' } as const;
  world.add(caseId, [{ type: 'CaseStatusChanged', data }]);
}
