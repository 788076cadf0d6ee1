import { VERDICTS } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { CaseView } from '#contracts/http/case';
import type { RecordedEvent } from '#libs/event-store';
import { caseDecider } from '../domain/case.decider';
import type { CaseState, OpenedCase } from '../domain/case-state';
import { highestSeverity } from '../domain/severity';
import {
  alertDataOf,
  alertOfCase,
  type AlertOfCase,
  ended,
  endedBy,
  type Entry,
  entryOf,
  linkOf,
  ObservablesOfCase,
  SHOWN,
  worstFirst,
} from './case-content';

/** The case that `history`, the beginning of its stream or all of it, tells of. Undefined when it tells of none. */
export function caseView(history: readonly RecordedEvent[]): CaseView | undefined {
  let state: CaseState = caseDecider.initialState();
  const told = new Told();
  for (const event of history) {
    // The ledger holds only what this service has written to the category, by its contract.
    const { type, data } = event as unknown as CaseEvent;
    state = caseDecider.evolve(state, { type, data } as CaseEvent);
    told.listen({ type, data } as CaseEvent, event);
  }
  const [first, last] = [history[0], history.at(-1)];
  if (!state.exists || !first || !last) return undefined;
  return viewOf(state, told, first.time, last.time);
}

/** What the decisions on a case do not need. */
class Told {
  title = '';
  rule = '';
  /** Each as it was sent last, in the order in which they came. */
  readonly alerts = new Map<string, AlertOfCase>();
  readonly observables = new ObservablesOfCase();
  readonly attack = new Set<string>();
  readonly entries = new Map<string, Entry>();
  readonly links: CaseView['links'] = [];
  lastSuppressedAt: string | null = null;

  listen(event: CaseEvent, recorded: RecordedEvent): void {
    if (event.type === 'CaseOpened') ({ title: this.title, rule: this.rule } = event.data);
    const alert = alertDataOf(event);
    if (alert) {
      this.alerts.set(alert.alertId, alertOfCase(alert));
      this.observables.add(alert.observables);
      for (const id of alert.attack) this.attack.add(id);
    }
    const link = linkOf(event, recorded);
    if (link) this.links.push(link);
    if (event.type === 'AlertsSuppressed') this.lastSuppressedAt = new Date(event.data.until).toISOString();
    const entry = entryOf(event, recorded);
    if (entry) this.entries.set(entry.id, entry);
    const open = this.entries.get(endedBy(event) ?? '');
    if (open) this.entries.set(open.id, ended(open, event, recorded));
  }
}

function viewOf(state: OpenedCase, told: Told, openedAt: string, updatedAt: string): CaseView {
  const alerts = [...told.alerts.values()];
  const ranks = alerts.map(({ verdict }) => VERDICTS.indexOf(verdict));
  const least = state.raisedTo ?? 'informational';
  const severities = alerts.map(({ severity }) => severity);
  return {
    caseId: state.caseId,
    title: told.title,
    status: state.status,
    resolution: state.resolution,
    severity: state.severityBy === 'person' ? state.severity : highestSeverity(least, ...severities),
    severityBy: state.severityBy,
    owner: state.owner,
    rule: told.rule,
    verdict: VERDICTS[ranks.reduce((highest, rank) => Math.max(highest, rank), 0)] ?? 'unknown',
    score: alerts.reduce((highest, { score }) => Math.max(highest, score), 0),
    alertCount: alerts.length,
    suppressedAlerts: state.suppressed,
    lastSuppressedAt: told.lastSuppressedAt,
    openEscalations: state.escalations.filter(({ status }) => status === 'open').length,
    version: state.version,
    openedAt,
    updatedAt,
    attack: [...told.attack].sort(),
    links: told.links,
    alerts: alerts.slice(-SHOWN),
    observables: worstFirst(told.observables.all()),
    ...listsOf([...told.entries.values()]),
  };
}

/** @param entries in the order in which they came. */
export function listsOf(entries: readonly Entry[]): Pick<CaseView, 'notes' | 'evidence' | 'escalations'> {
  return {
    notes: entries.flatMap(({ kind, content }) => (kind === 'note' ? [content] : [])).slice(-SHOWN),
    evidence: entries.flatMap(({ kind, content }) => (kind === 'evidence' ? [content] : [])).slice(-SHOWN),
    escalations: entries.flatMap(({ kind, content }) => (kind === 'escalation' ? [content] : [])).slice(-SHOWN),
  };
}
