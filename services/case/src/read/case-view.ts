import { type Observable, VERDICTS } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { CaseView } from '#contracts/http/case';
import type { RecordedEvent } from '#libs/event-store';
import { caseDecider } from '../domain/case.decider';
import { alertsOf, type CaseAlert, type CaseState, type OpenedCase } from '../domain/case-state';

const MAX_ALERTS = 200;
const MAX_OBSERVABLES = 500;

/** The case that `history`, the beginning of its stream or all of it, tells of. Undefined when it tells of none. */
export function caseView(history: readonly RecordedEvent[]): CaseView | undefined {
  let state: CaseState = caseDecider.initialState();
  const said: Said = { notes: [], evidence: [], escalations: new Map() };
  for (const event of history) {
    // The ledger holds only what this service has written to the category, by its contract.
    const { type, data } = event as unknown as CaseEvent;
    state = caseDecider.evolve(state, { type, data } as CaseEvent);
    listen(said, { type, data } as CaseEvent, event);
  }
  const [first, last] = [history[0], history.at(-1)];
  if (!state.exists || !first || !last) return undefined;
  return viewOf(state, said, first.time, last.time);
}

/** What people have said, with who and when, which the decisions do not need. */
interface Said {
  readonly notes: CaseView['notes'];
  readonly evidence: CaseView['evidence'];
  readonly escalations: Map<string, CaseView['escalations'][number]>;
}

function listen(said: Said, { type, data }: CaseEvent, { actor: by, time: at }: RecordedEvent): void {
  switch (type) {
    case 'CaseNoteAdded':
      said.notes.push({ noteId: data.noteId, text: data.text, by, at });
      return;
    case 'CaseEvidenceAdded': {
      const { caseId: _, ...evidence } = data;
      said.evidence.push({ ...evidence, by, at });
      return;
    }
    case 'CaseEscalated': {
      const { caseId: _, ...escalation } = data;
      const open = { status: 'open', endedAt: null, endedBy: null, comment: null } as const;
      said.escalations.set(data.escalationId, { ...escalation, ...open, by, at });
      return;
    }
    case 'EscalationAcknowledged':
    case 'EscalationExpired': {
      const escalation = said.escalations.get(data.escalationId);
      if (!escalation) return;
      escalation.status = type === 'EscalationExpired' ? 'expired' : 'acknowledged';
      escalation.endedAt = at;
      escalation.endedBy = by;
      escalation.comment = type === 'EscalationAcknowledged' ? data.comment : null;
      return;
    }
    default:
      return;
  }
}

function viewOf(state: OpenedCase, said: Said, openedAt: string, updatedAt: string): CaseView {
  const alerts = alertsOf(state);
  const verdict = VERDICTS[Math.max(...alerts.map((alert) => VERDICTS.indexOf(alert.verdict)))] ?? 'unknown';
  return {
    caseId: state.caseId,
    title: state.title,
    status: state.status,
    resolution: state.resolution,
    severity: state.severity,
    severityBy: state.severityBy,
    owner: state.owner,
    rule: state.rule,
    verdict,
    score: alerts.reduce((highest, { score }) => Math.max(highest, score), 0),
    alertCount: alerts.length,
    openEscalations: state.escalations.filter(({ status }) => status === 'open').length,
    version: state.version,
    openedAt,
    updatedAt,
    attack: [...new Set(alerts.flatMap(({ attack }) => attack))].sort(),
    alerts: alerts.slice(-MAX_ALERTS).map(({ observables: _, attack: __, ...alert }) => alert),
    observables: observablesOf(alerts),
    notes: said.notes,
    evidence: said.evidence,
    escalations: [...said.escalations.values()],
  };
}

/** Each once, with what the lists said of it last; the worst first. */
function observablesOf(alerts: readonly CaseAlert[]): Observable[] {
  const known = new Map<string, Observable>();
  for (const observable of alerts.flatMap(({ observables }) => observables)) {
    known.set(`${observable.type} ${observable.value}`, observable);
  }
  return [...known.values()].sort((a, b) => b.score - a.score).slice(0, MAX_OBSERVABLES);
}
