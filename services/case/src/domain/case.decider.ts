import type { AlertEnriched, Severity } from '#contracts/alert';
import type { CorrelationKey } from '#contracts/correlation-rules';
import type { CaseEvent, CaseStatus } from '#contracts/events/case';
import { type Decider, DomainError } from '#libs/kernel';
import { titleOfAlert } from './alert-title';
import { evolveCase } from './case-evolution';
import type { CaseState, Escalation, OpenedCase, Resolution } from './case-state';
import { severityOfFinding, severityRank } from './severity';

/** What the intake of alerts asks for. */
export type IntakeCommand =
  | { readonly type: 'OpenCase'; readonly caseId: string; readonly alert: AlertEnriched; readonly rule: string }
  | { readonly type: 'GroupAlert'; readonly alert: AlertEnriched; readonly rule: string }
  | { readonly type: 'UpdateAlert'; readonly alert: AlertEnriched; readonly previousSeverity: Severity }
  /** An alert like many that the case has. */
  | { readonly type: 'CountAlert'; readonly rule: string; readonly receivedAt: string }
  | { readonly type: 'RaiseSeverity'; readonly to: Severity; readonly rule: string; readonly reason: string }
  | { readonly type: 'LinkCase'; readonly to: string; readonly entity: CorrelationKey; readonly rule: string };

/** `expectedVersion`: the version that the caller has seen; another one means that somebody was faster. */
type Personal<Command> = Command & { readonly expectedVersion?: number };

/** What people ask for. Times are RFC 3339; `by` is the subject who asks. */
export type PersonCommand = Personal<
  | {
      readonly type: 'ChangeStatus';
      readonly to: CaseStatus;
      readonly resolution?: Resolution;
      readonly comment: string;
    }
  | { readonly type: 'ChangeSeverity'; readonly to: Severity; readonly reason: string }
  | { readonly type: 'AssignCase'; readonly to: string | null }
  | { readonly type: 'AddNote'; readonly noteId: string; readonly text: string }
  | {
      readonly type: 'AddEvidence';
      readonly evidenceId: string;
      readonly evidence: Omit<Extract<CaseEvent, { type: 'CaseEvidenceAdded' }>['data'], 'caseId' | 'evidenceId'>;
    }
  | {
      readonly type: 'EscalateCase';
      readonly escalationId: string;
      readonly to: Escalation['to'];
      readonly reason: string;
      readonly deadline: string;
    }
  | {
      readonly type: 'AcknowledgeEscalation';
      readonly escalationId: string;
      readonly comment: string;
      readonly by: string;
    }
>;

/** What the deadline asks for. */
export interface ExpireEscalation {
  readonly type: 'ExpireEscalation';
  readonly escalationId: string;
}

export type CaseCommand = IntakeCommand | PersonCommand | ExpireEscalation;

/** More would be a list that nobody reads. */
const MAX_LINKS = 20;

/** From each status, where it can go. A closed case is reopened as in progress, never as new. */
const TRANSITIONS: Record<CaseStatus, readonly CaseStatus[]> = {
  new: ['in_progress', 'on_hold', 'resolved', 'closed'],
  in_progress: ['on_hold', 'resolved', 'closed'],
  on_hold: ['in_progress', 'resolved', 'closed'],
  resolved: ['in_progress', 'closed'],
  closed: ['in_progress'],
};

export const caseDecider: Decider<CaseState, CaseCommand, CaseEvent> = {
  initialState: () => ({ exists: false }),
  evolve: evolveCase,
  decide(command, state) {
    if (command.type === 'OpenCase') return [opened(command, state)];
    if (!state.exists) throw new DomainError('not_found', 'There is no such case.');
    if ('expectedVersion' in command) expectVersion(command.expectedVersion, state);
    return decideOn(command, state);
  },
  snapshots: { name: 'case', stateVersion: 2 },
};

function opened({ caseId, alert, rule }: Extract<IntakeCommand, { type: 'OpenCase' }>, state: CaseState): CaseEvent {
  if (state.exists) throw new DomainError('invalid_transition', `Case ${caseId} is open already.`);
  const title = titleOfAlert(alert);
  const severity = severityOfFinding(alert.finding);
  return { type: 'CaseOpened', data: { ...alertOfCase(caseId, alert), title, severity, rule } };
}

function decideOn(command: Exclude<CaseCommand, { type: 'OpenCase' }>, state: OpenedCase): CaseEvent[] {
  const { caseId } = state;
  switch (command.type) {
    case 'GroupAlert':
      return [{ type: 'AlertGrouped', data: { ...alertOfCase(caseId, command.alert), rule: command.rule } }];
    case 'UpdateAlert':
      return [
        {
          type: 'CaseAlertUpdated',
          data: { ...alertOfCase(caseId, command.alert), previousSeverity: command.previousSeverity },
        },
      ];
    case 'CountAlert': {
      const { rule, receivedAt } = command;
      return [{ type: 'AlertsSuppressed', data: { caseId, rule, count: 1, since: receivedAt, until: receivedAt } }];
    }
    case 'RaiseSeverity': {
      const { to, rule, reason } = command;
      if (state.severityBy === 'person' || severityRank(state.severity) >= severityRank(to)) return [];
      return [{ type: 'CaseSeverityChanged', data: { caseId, from: state.severity, to, reason, rule } }];
    }
    case 'LinkCase': {
      const { to, entity, rule } = command;
      if (to === caseId || state.links.includes(to) || state.links.length >= MAX_LINKS) return [];
      return [{ type: 'CaseLinked', data: { caseId, to, entity, rule } }];
    }
    case 'ChangeStatus':
      return [statusChanged(command, state)];
    case 'ChangeSeverity': {
      if (state.severityBy === 'person' && state.severity === command.to) return [];
      const data = { caseId, from: state.severity, to: command.to, reason: command.reason, rule: null };
      return [{ type: 'CaseSeverityChanged', data }];
    }
    case 'AssignCase':
      if (state.owner === command.to) return [];
      return [{ type: 'CaseAssigned', data: { caseId, from: state.owner, to: command.to } }];
    case 'AddNote':
      return [{ type: 'CaseNoteAdded', data: { caseId, noteId: command.noteId, text: command.text } }];
    case 'AddEvidence':
      return [{ type: 'CaseEvidenceAdded', data: { caseId, evidenceId: command.evidenceId, ...command.evidence } }];
    case 'EscalateCase': {
      if (state.status === 'closed' || state.status === 'resolved') {
        throw new DomainError('invalid_transition', `A ${state.status} case cannot be escalated; reopen it first.`);
      }
      const { escalationId, to, reason, deadline } = command;
      return [{ type: 'CaseEscalated', data: { caseId, escalationId, to, reason, deadline } }];
    }
    case 'AcknowledgeEscalation':
      return [acknowledged(command, state)];
    case 'ExpireEscalation': {
      const { escalationId } = command;
      const open = state.escalations.find((one) => one.escalationId === escalationId && one.status === 'open');
      return open ? [{ type: 'EscalationExpired', data: { caseId, escalationId, deadline: open.deadline } }] : [];
    }
  }
}

function statusChanged(
  { to, resolution, comment }: Extract<PersonCommand, { type: 'ChangeStatus' }>,
  state: OpenedCase,
): CaseEvent {
  const { caseId, status: from } = state;
  if (!TRANSITIONS[from].includes(to)) {
    const reason = from === to ? `The case is ${to} already.` : `A ${from} case cannot become ${to}.`;
    throw new DomainError('invalid_transition', {
      field: 'status',
      reason: `${reason} From here it can become ${TRANSITIONS[from].join(', ')}.`,
    });
  }
  const ends = to === 'resolved' || to === 'closed';
  if (!ends && resolution !== undefined) {
    throw new DomainError('invalid_field', {
      field: 'resolution',
      reason: `is for resolved and closed, not for ${to}`,
    });
  }
  const kept = from === 'resolved' ? state.resolution : null;
  const result = ends ? (resolution ?? kept) : null;
  if (ends && result === null) {
    throw new DomainError('invalid_field', { field: 'resolution', reason: `is required to make a case ${to}` });
  }
  return { type: 'CaseStatusChanged', data: { caseId, from, to, resolution: result, comment } };
}

function acknowledged(
  { escalationId, comment, by }: Extract<PersonCommand, { type: 'AcknowledgeEscalation' }>,
  state: OpenedCase,
): CaseEvent {
  const escalation = state.escalations.find((one) => one.escalationId === escalationId);
  if (!escalation) {
    throw new DomainError('not_found', `Case ${state.caseId} has no escalation ${escalationId}.`);
  }
  if (escalation.status !== 'open') {
    const how = escalation.status === 'expired' ? `expired at ${escalation.deadline}` : 'has been acknowledged';
    throw new DomainError('invalid_transition', `The escalation ${how}.`);
  }
  if (escalation.to.kind === 'person' && escalation.to.id !== by) {
    throw new DomainError('not_addressee', `The escalation went to ${escalation.to.id}, who alone can acknowledge it.`);
  }
  return { type: 'EscalationAcknowledged', data: { caseId: state.caseId, escalationId, comment } };
}

function expectVersion(expected: number | undefined, { caseId, version }: OpenedCase): void {
  if (expected === undefined || expected === version) return;
  throw new DomainError('stream_conflict', {
    field: 'expectedVersion',
    reason: `Case ${caseId} is at version ${version}, not ${expected}; look at it again and decide anew.`,
  });
}

function alertOfCase(caseId: string, alert: AlertEnriched): Extract<CaseEvent, { type: 'CaseAlertUpdated' }>['data'] {
  const { alertId, sourceId, source, observables, attack, verdict, score, finding, receivedAt } = alert;
  const time = new Date(finding.time);
  return {
    caseId,
    alertId,
    sourceId,
    source,
    alertTitle: titleOfAlert(alert),
    // A source can claim any number of milliseconds, also one that is no date.
    alertTime: Number.isNaN(time.getTime()) ? receivedAt : time.toISOString(),
    alertSeverity: severityOfFinding(finding),
    observables,
    attack,
    verdict,
    score,
  };
}
