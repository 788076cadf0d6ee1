import type { Severity } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import { fold } from '#libs/kernel';
import { given } from '#libs/testing';
import { alertOf } from './alert.fixture';
import { type CaseCommand, caseDecider } from './case.decider';

const caseId = '0198c0de-0000-7000-8000-00000000000c';
const escalationId = '0198c0de-0000-7000-8000-00000000000e';
const deadline = '2026-11-24T12:00:00.000Z';

const opened = (severityId = 3): CaseEvent[] =>
  caseDecider.decide({ type: 'OpenCase', caseId, alert: alertOf({ severityId }), rule: 'host' }, { exists: false });
const after = (past: CaseEvent[], command: CaseCommand): CaseEvent[] => [
  ...past,
  ...caseDecider.decide(command, fold(caseDecider, past)),
];
const stateOf = (past: CaseEvent[]) => {
  const state = fold(caseDecider, past);
  if (!state.exists) throw new Error('there is no case');
  return state;
};
const grouped = (uid: string, severityId: number): CaseCommand => ({
  type: 'GroupAlert',
  alert: alertOf({ uid, severityId }),
  rule: 'host',
});
const updated = (uid: string, severityId: number, previousSeverity: Severity): CaseCommand => ({
  type: 'UpdateAlert',
  alert: alertOf({ uid, severityId, content: 'second' }),
  previousSeverity,
});
const status = (to: 'in_progress' | 'closed' | 'resolved' | 'on_hold' | 'new', resolution?: 'benign'): CaseCommand => ({
  type: 'ChangeStatus',
  to,
  resolution,
  comment: '',
});
const escalated: CaseEvent = {
  type: 'CaseEscalated',
  data: { caseId, escalationId, to: { kind: 'person', id: 'olivia' }, reason: 'needs you', deadline },
};

describe('the severity of a case', () => {
  it('is the highest of its alerts', () => {
    const past = after(after(opened(3), grouped('b', 5)), grouped('c', 2));
    expect(stateOf(past).severity).toBe('critical');
  });

  it('sinks when the alert that raised it is sent again with less', () => {
    const past = after(after(opened(3), grouped('b', 5)), updated('b', 2, 'critical'));
    expect(stateOf(past).severity).toBe('medium');
  });

  it('is what a person says, whatever alerts come later', () => {
    const past = after(after(opened(3), { type: 'ChangeSeverity', to: 'low', reason: 'a test' }), grouped('b', 5));
    expect(stateOf(past)).toMatchObject({ severity: 'low', severityBy: 'person' });
  });

  it('is not changed to what a person has made it already', () => {
    given(caseDecider, after(opened(), { type: 'ChangeSeverity', to: 'low', reason: '' }))
      .when({ type: 'ChangeSeverity', to: 'low', reason: '' })
      .then([]);
  });
});

describe('the alerts of a case', () => {
  const ofFirstRelease = (past: CaseEvent[]): CaseEvent[] =>
    past.map((event) => {
      if (event.type !== 'CaseAlertUpdated') return event;
      const { previousSeverity: _, ...data } = event.data;
      return { ...event, data };
    });

  it('are counted by their severities, as they were sent last', () => {
    const past = after(after(opened(), grouped('b', 3)), updated('a', 5, 'medium'));
    expect(stateOf(past).alerts).toEqual({ medium: 1, critical: 1 });
  });

  it('that were updated before events said what they were until then, let the severity sink of a lone one only', () => {
    const lone = ofFirstRelease(after(opened(4), updated('a', 2, 'high')));
    expect(stateOf(lone)).toMatchObject({ severity: 'low', alerts: { low: 1 } });
    const many = ofFirstRelease(after(after(opened(3), grouped('b', 5)), updated('b', 2, 'critical')));
    expect(stateOf(many).severity).toBe('critical');
  });
});

it('is kept as a state that does not grow with its alerts: another one needs the next stateVersion', () => {
  let past = opened();
  for (let count = 0; count < 300; count += 1)
    past = [...past, ...caseDecider.decide(grouped(`${count}`, 3), stateOf(past))];
  past = [...past, escalated, ...caseDecider.decide({ type: 'AssignCase', to: 'olivia' }, stateOf(past))];
  expect(caseDecider.snapshots).toEqual({ name: 'case', stateVersion: 2 });
  expect(JSON.parse(JSON.stringify(stateOf(past)))).toEqual({
    exists: true,
    version: 303,
    caseId,
    status: 'new',
    resolution: null,
    severity: 'medium',
    severityBy: 'alerts',
    owner: 'olivia',
    alerts: { medium: 301 },
    suppressed: 0,
    raisedTo: null,
    links: [],
    escalations: [{ escalationId, to: { kind: 'person', id: 'olivia' }, deadline, status: 'open' }],
  });
});

describe('the status of a case', () => {
  it('goes from new to in progress', () => {
    given(caseDecider, opened())
      .when(status('in_progress'))
      .then([
        {
          type: 'CaseStatusChanged',
          data: { caseId, from: 'new', to: 'in_progress', resolution: null, comment: '' },
        },
      ]);
  });

  it('never goes back to new', () => {
    given(caseDecider, after(opened(), status('in_progress')))
      .when(status('new'))
      .thenThrows('invalid_transition', 'status');
  });

  it('needs a resolution to end, which a resolved case keeps when it is closed', () => {
    given(caseDecider, opened()).when(status('closed')).thenThrows('invalid_field', 'resolution');
    const past = after(after(opened(), status('resolved', 'benign')), status('closed'));
    expect(stateOf(past)).toMatchObject({ status: 'closed', resolution: 'benign' });
  });

  it('loses its resolution when the case is opened again', () => {
    const past = after(after(opened(), status('closed', 'benign')), status('in_progress'));
    expect(stateOf(past)).toMatchObject({ status: 'in_progress', resolution: null });
  });

  it('takes no resolution while the case goes on', () => {
    given(caseDecider, opened()).when(status('on_hold', 'benign')).thenThrows('invalid_field', 'resolution');
  });
});

describe('an escalation', () => {
  const acknowledge = (by: string): CaseCommand => ({ type: 'AcknowledgeEscalation', escalationId, comment: '', by });
  const acknowledged: CaseEvent = { type: 'EscalationAcknowledged', data: { caseId, escalationId, comment: '' } };
  const expire: CaseCommand = { type: 'ExpireEscalation', escalationId };

  it('is acknowledged by the person it went to, and nobody else', () => {
    given(caseDecider, [...opened(), escalated])
      .when(acknowledge('olivia'))
      .then([acknowledged]);
    given(caseDecider, [...opened(), escalated])
      .when(acknowledge('alice'))
      .thenThrows('not_addressee');
  });

  it('expires when nobody has', () => {
    given(caseDecider, [...opened(), escalated])
      .when(expire)
      .then([{ type: 'EscalationExpired', data: { caseId, escalationId, deadline } }]);
  });

  it('does not expire once it is acknowledged, and is not acknowledged once it has expired', () => {
    given(caseDecider, [...opened(), escalated, acknowledged])
      .when(expire)
      .then([]);
    given(caseDecider, [...opened(), escalated, { type: 'EscalationExpired', data: { caseId, escalationId } }])
      .when(acknowledge('olivia'))
      .thenThrows('invalid_transition');
  });

  it('has to exist', () => {
    given(caseDecider, opened()).when(acknowledge('olivia')).thenThrows('not_found');
  });

  it('is not for a case that has ended', () => {
    given(caseDecider, after(opened(), status('closed', 'benign')))
      .when({ type: 'EscalateCase', escalationId, to: { kind: 'tier', id: 'tier-2' }, reason: 'x', deadline })
      .thenThrows('invalid_transition');
  });
});

describe('what people ask for', () => {
  it('is refused when they have seen another version', () => {
    given(caseDecider, after(opened(), grouped('b', 3)))
      .when({ type: 'AddNote', noteId: escalationId, text: 'seen', expectedVersion: 1 })
      .thenThrows('stream_conflict', 'expectedVersion');
  });

  it('is carried out on the version they have seen', () => {
    given(caseDecider, after(opened(), grouped('b', 3)))
      .when({ type: 'AddNote', noteId: escalationId, text: 'seen', expectedVersion: 2 })
      .then([{ type: 'CaseNoteAdded', data: { caseId, noteId: escalationId, text: 'seen' } }]);
  });

  it('needs a case', () => {
    const nothing: CaseEvent[] = [];
    given(caseDecider, nothing).when({ type: 'AssignCase', to: 'alice' }).thenThrows('not_found');
  });
});
