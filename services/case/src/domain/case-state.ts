import type { Severity } from '#contracts/alert';
import type { CaseEvent, CaseStatus } from '#contracts/events/case';

export type Resolution = NonNullable<Extract<CaseEvent, { type: 'CaseStatusChanged' }>['data']['resolution']>;

export interface Escalation {
  readonly escalationId: string;
  readonly to: { readonly kind: 'person' | 'tier'; readonly id: string };
  readonly deadline: string;
  readonly status: 'open' | 'acknowledged' | 'expired';
}

/**
 * What decisions on a case need, and no more: it is kept as a snapshot, and copied for each of the thousands of alerts
 * that a storm brings. Only what people do makes it grow, an escalation at a time.
 */
export interface OpenedCase {
  readonly exists: true;
  /** Of the stream: the number of events. */
  readonly version: number;
  readonly caseId: string;
  readonly status: CaseStatus;
  readonly resolution: Resolution | null;
  readonly severity: Severity;
  /** The highest of the alerts' and of what rules raise it to, until a person says otherwise. */
  readonly severityBy: 'alerts' | 'person';
  readonly owner: string | null;
  /** How many alerts of each severity it has, as they were sent last. */
  readonly alerts: AlertCounts;
  /** How many more were only counted. */
  readonly suppressed: number;
  /** What rules have raised the severity to; null where none has. */
  readonly raisedTo: Severity | null;
  /** Cases that rules have linked it to. */
  readonly links: readonly string[];
  readonly escalations: readonly Escalation[];
}

export type AlertCounts = Readonly<Partial<Record<Severity, number>>>;

export type CaseState = { readonly exists: false } | OpenedCase;
