import type { EscalateRule } from '#contracts/correlation-rules';
import type { CaseEvent } from '#contracts/events/case';
import { deterministicId } from '#libs/kernel';
import { caseDecider, type CaseCommand } from './case.decider';
import type { CaseState, OpenedCase } from './case-state';
import type { OpenWindow } from './correlation.decider';
import { severityRank } from './severity';

export interface Escalating {
  readonly rule: string;
  readonly escalate: readonly EscalateRule[];
  /** When it is decided, RFC 3339. */
  readonly now: string;
}

/** What the rules ask of a case after one more alert. Each of them is done once a case. */
export function escalations({ rule, escalate, now }: Escalating, window: OpenWindow, after: OpenedCase): CaseEvent[] {
  const events: CaseEvent[] = [];
  let state: CaseState = after;
  for (const [at, one] of escalate.entries()) {
    if (!isReached(one, window)) continue;
    for (const command of commandsOf(one, { rule, at, now }, state)) {
      const decided = caseDecider.decide(command, state);
      state = decided.reduce(caseDecider.evolve, state);
      events.push(...decided);
    }
  }
  return events;
}

function isReached({ alerts = 0, sources = 0, severityAtLeast }: EscalateRule, window: OpenWindow): boolean {
  if (window.alerts < alerts || window.sources.length < sources) return false;
  return severityAtLeast === undefined || severityRank(window.highest) >= severityRank(severityAtLeast);
}

function* commandsOf(
  one: EscalateRule,
  { rule, at, now }: { readonly rule: string; readonly at: number; readonly now: string },
  state: CaseState,
): Generator<CaseCommand> {
  if (!state.exists) return;
  const { raiseTo, to, withinMinutes } = one;
  const reason = `Rule ${rule}: ${wordsOf(one)}.`;
  if (raiseTo !== undefined) yield { type: 'RaiseSeverity', to: raiseTo, rule, reason };
  if (to === undefined || withinMinutes === undefined) return;
  // Who has resolved a case has seen what it is; a closed one has no window.
  if (state.status === 'resolved' || state.status === 'closed') return;
  const escalationId = deterministicId('escalation', state.caseId, rule, String(at));
  if (state.escalations.some((known) => known.escalationId === escalationId)) return;
  const deadline = new Date(Date.parse(now) + withinMinutes * 60_000).toISOString();
  yield { type: 'EscalateCase', escalationId, to, reason, deadline };
}

function wordsOf({ alerts, sources, severityAtLeast }: EscalateRule): string {
  return [
    ...(alerts === undefined ? [] : [`${alerts} alerts`]),
    ...(sources === undefined ? [] : [`${sources} sources`]),
    ...(severityAtLeast === undefined ? [] : [`one that is ${severityAtLeast} or graver`]),
  ].join(', ');
}
