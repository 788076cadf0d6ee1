import type { CaseEvent } from '#contracts/events/case';
import { fold } from '#libs/kernel';
import { alertOf, type AlertSketch } from './alert.fixture';
import { alertDecider, type AlertState } from './alert.decider';
import { caseDecider } from './case.decider';
import { correlationDecider, type CorrelationState } from './correlation.decider';
import { decideIntake, type IntakeDecision } from './intake';

/** The streams of one alert and one key, and all cases. */
class World {
  alert: AlertState = alertDecider.initialState();
  correlation: CorrelationState = correlationDecider.initialState();
  readonly cases = new Map<string, CaseEvent[]>();

  receive(sketch: AlertSketch, newCaseId = 'case-1', correlated = true): IntakeDecision {
    const decision = decideIntake(
      {
        alert: alertOf(sketch),
        correlation: correlated ? { rule: 'host', windowMinutes: 60 } : undefined,
        newCaseId,
      },
      {
        alert: this.alert,
        correlation: this.correlation,
        caseById: (caseId) => fold(caseDecider, this.cases.get(caseId) ?? []),
      },
    );
    this.alert = fold(alertDecider, decision.alert, this.alert);
    this.correlation = fold(correlationDecider, decision.correlation, this.correlation);
    if (decision.caseId !== null) {
      this.cases.set(decision.caseId, [...(this.cases.get(decision.caseId) ?? []), ...decision.case]);
    }
    return decision;
  }

  another(): World {
    const world = new World();
    world.correlation = this.correlation;
    for (const [id, events] of this.cases) world.cases.set(id, events);
    return world;
  }
}

const types = (decision: IntakeDecision): string[] =>
  [...decision.alert, ...decision.correlation, ...decision.case].map(({ type }) => type);

describe('the intake of an alert', () => {
  it('opens a case for a new one', () => {
    const decision = new World().receive({});
    expect(types(decision)).toEqual(['AlertRecorded', 'CorrelationOpened', 'CaseOpened']);
    expect(decision.alert[0]?.data).toMatchObject({ outcome: 'new', caseId: 'case-1' });
  });

  it('groups the next one of the same key into that case', () => {
    const world = new World();
    world.receive({ uid: 'a' });
    const decision = world.another().receive({ uid: 'b', receivedAt: '2026-11-24T10:59:00.000Z' }, 'case-2');
    expect(types(decision)).toEqual(['AlertRecorded', 'CorrelationJoined', 'AlertGrouped']);
    expect(decision.alert[0]?.data).toMatchObject({ outcome: 'grouped', caseId: 'case-1' });
    expect(decision.correlation[0]?.data.windowEndsAt).toBe('2026-11-24T11:59:00.000Z');
  });

  it('opens another case once the window has passed', () => {
    const world = new World();
    world.receive({ uid: 'a' });
    const decision = world.another().receive({ uid: 'b', receivedAt: '2026-11-24T11:00:00.001Z' }, 'case-2');
    expect(types(decision)).toEqual(['AlertRecorded', 'CorrelationOpened', 'CaseOpened']);
  });

  it('opens another case when people have closed the first', () => {
    const world = new World();
    world.receive({ uid: 'a' });
    const closed: CaseEvent = {
      type: 'CaseStatusChanged',
      data: { caseId: 'case-1', from: 'new', to: 'closed', resolution: 'benign', comment: '' },
    };
    world.cases.set('case-1', [...(world.cases.get('case-1') ?? []), closed]);
    expect(world.another().receive({ uid: 'b' }, 'case-2').caseId).toBe('case-2');
  });

  it('changes no case for the same content again', () => {
    const world = new World();
    world.receive({ receipt: 'first' });
    const decision = world.receive({ receipt: 'second' }, 'case-2');
    expect(types(decision)).toEqual(['AlertDuplicated']);
    expect(decision.alert[0]?.data).toMatchObject({ caseId: 'case-1' });
  });

  it('takes other content of a known alert to the case it has', () => {
    const world = new World();
    world.receive({ receipt: 'first' });
    const decision = world.receive({ receipt: 'second', content: 'second' }, 'case-2');
    expect(types(decision)).toEqual(['AlertUpdated', 'CaseAlertUpdated']);
    expect(decision.caseId).toBe('case-1');
  });

  it('leads a harmless alert to no case', () => {
    const decision = new World().receive({ severityId: 1 }, 'case-1', false);
    expect(types(decision)).toEqual(['AlertRecorded']);
    expect(decision.alert[0]?.data).toMatchObject({ outcome: 'new', caseId: null });
  });

  it('opens a case when a harmless alert is sent again as a grave one', () => {
    const world = new World();
    world.receive({ receipt: 'first', severityId: 1 }, 'case-1', false);
    const decision = world.receive({ receipt: 'second', severityId: 5, content: 'second' }, 'case-2');
    expect(types(decision)).toEqual(['AlertUpdated', 'CorrelationOpened', 'CaseOpened']);
    expect(decision.alert[0]?.data).toMatchObject({ caseId: 'case-2' });
  });

  it('lets a version that a later one has overtaken change nothing but the history', () => {
    const world = new World();
    world.receive({ receipt: 'later', content: 'second', severityId: 5, receivedAt: '2026-11-24T10:00:01.000Z' });
    const early = { receipt: 'earlier', content: 'first', severityId: 2, receivedAt: '2026-11-24T10:00:00.000Z' };
    const decision = world.receive(early, 'case-2');
    expect(types(decision)).toEqual(['AlertUpdated']);
    expect(decision.alert[0]?.data).toMatchObject({ caseId: 'case-1' });
    expect(types(world.receive({ receipt: 'again', content: 'second', severityId: 5 }))).toEqual(['AlertDuplicated']);
  });
});
