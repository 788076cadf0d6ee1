import type { Observable, Severity, Verdict } from '#contracts/alert';
import type { CaseEvent, CaseStatus } from '#contracts/events/case';

export type Resolution = NonNullable<Extract<CaseEvent, { type: 'CaseStatusChanged' }>['data']['resolution']>;

export interface CaseAlert {
  readonly alertId: string;
  readonly sourceId: string;
  readonly source: string;
  readonly title: string;
  readonly time: string;
  readonly severity: Severity;
  readonly verdict: Verdict;
  readonly score: number;
  readonly observables: readonly Observable[];
  readonly attack: readonly string[];
}

/** Newest first. A chain, because a storm brings thousands, and copying a list at each of them would take minutes. */
export interface AlertChain {
  readonly alert: CaseAlert;
  readonly earlier: AlertChain | undefined;
}

export interface Escalation {
  readonly escalationId: string;
  readonly to: { readonly kind: 'person' | 'tier'; readonly id: string };
  readonly deadline: string;
  readonly status: 'open' | 'acknowledged' | 'expired';
}

export interface OpenedCase {
  readonly exists: true;
  /** Of the stream: the number of events. */
  readonly version: number;
  readonly caseId: string;
  readonly title: string;
  readonly rule: string;
  readonly status: CaseStatus;
  readonly resolution: Resolution | null;
  readonly severity: Severity;
  /** The highest of the alerts' until a person says otherwise. */
  readonly severityBy: 'alerts' | 'person';
  readonly owner: string | null;
  readonly alerts: AlertChain;
  readonly escalations: readonly Escalation[];
}

export type CaseState = { readonly exists: false } | OpenedCase;

/** Each alert of the case as it was sent last, in the order in which they came. */
export function alertsOf(state: OpenedCase): CaseAlert[] {
  const latest = new Map<string, CaseAlert>();
  const order: string[] = [];
  for (let link: AlertChain | undefined = state.alerts; link; link = link.earlier) {
    const { alertId } = link.alert;
    if (!latest.has(alertId)) latest.set(alertId, link.alert);
    order.push(alertId);
  }
  // From the oldest on, an alert stands where it came first.
  return [...new Set(order.reverse())].flatMap((alertId) => latest.get(alertId) ?? []);
}
