import type { AlertEnriched } from '#contracts/alert';
import type { AlertEvent, CorrelationEvent } from '#contracts/events/alert';
import type { CaseEvent } from '#contracts/events/case';
import { alertDecider, isOvertaken, noveltyOf, type AlertState } from './alert.decider';
import { caseDecider } from './case.decider';
import type { CaseState } from './case-state';
import { correlationDecider, joins, type CorrelationState, type PlaceAlert } from './correlation.decider';

/** One enriched alert, with the key that it is correlated by; without one it leads to no case. */
export interface Reception {
  readonly alert: AlertEnriched;
  readonly correlation?: { readonly rule: string; readonly windowMinutes: number };
  /** Of the case that it may open: derived from the receipt, so that deciding again gives the same. */
  readonly newCaseId: string;
}

/** What is known when the decision is taken. */
export interface IntakeState {
  readonly alert: AlertState;
  readonly correlation: CorrelationState;
  caseById(caseId: string): CaseState;
}

/** What a reception leads to, stream by stream; they are appended as one group. */
export interface IntakeDecision {
  readonly alert: AlertEvent[];
  readonly correlation: CorrelationEvent[];
  readonly case: CaseEvent[];
  /** Whose stream `case` goes to. */
  readonly caseId: string | null;
}

/**
 * The one outcome of a reception. An alert is placed in a case when it is new, or when an update has made it grave
 * enough for one; further updates go to the case it has; a duplicate changes no case, nor does a version that a later one
 * has overtaken.
 */
export function decideIntake(reception: Reception, state: IntakeState): IntakeDecision {
  const { alert, correlation } = reception;
  const novelty = noveltyOf(alert, state.alert);
  const before = state.alert.status === 'recorded' ? state.alert : undefined;
  const known = before?.caseId ?? null;
  const record = (caseId: string | null, grouped: boolean) =>
    alertDecider.decide({ type: 'RecordAlert', alert, caseId, grouped }, state.alert);

  if (isOvertaken(alert, state.alert)) {
    return { alert: record(known, known !== null), correlation: [], case: [], caseId: known };
  }
  if (before && novelty === 'updated' && known !== null) {
    const command = { type: 'UpdateAlert', alert, previousSeverity: before.severity } as const;
    const update = caseDecider.decide(command, state.caseById(known));
    return { alert: record(known, true), correlation: [], case: update, caseId: known };
  }
  if (novelty === 'duplicate' || correlation === undefined) {
    return { alert: record(known, false), correlation: [], case: [], caseId: known };
  }
  return place(reception, correlation, state, record);
}

function place(
  { alert, newCaseId }: Reception,
  { rule, windowMinutes }: NonNullable<Reception['correlation']>,
  state: IntakeState,
  record: (caseId: string | null, grouped: boolean) => AlertEvent[],
): IntakeDecision {
  const { alertId, receivedAt } = alert;
  const present = state.correlation.status === 'open' ? state.caseById(state.correlation.caseId) : undefined;
  const caseIsClosed = present?.exists === true && present.status === 'closed';
  const command: PlaceAlert = {
    type: 'PlaceAlert',
    rule,
    alertId,
    receivedAt,
    windowMinutes,
    newCaseId,
    caseIsClosed,
  };
  const correlation = correlationDecider.decide(command, state.correlation);
  if (present?.exists && joins(state.correlation, command)) {
    const grouped = caseDecider.decide({ type: 'GroupAlert', alert, rule }, present);
    return { alert: record(present.caseId, true), correlation, case: grouped, caseId: present.caseId };
  }
  const opened = caseDecider.decide({ type: 'OpenCase', caseId: newCaseId, alert, rule }, { exists: false });
  return { alert: record(newCaseId, false), correlation, case: opened, caseId: newCaseId };
}
