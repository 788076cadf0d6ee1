import type { AlertEnriched } from '#contracts/alert';
import type { AlertEvent } from '#contracts/events/alert';
import type { CaseEvent } from '#contracts/events/case';
import { DomainError, fold } from '#libs/kernel';
import {
  alertDecider,
  type AlertState,
  type DecidedBy,
  isGraver,
  isOvertaken,
  noveltyOf,
  type Suppression,
} from './alert.decider';
import { caseDecider } from './case.decider';
import type { CaseState, OpenedCase } from './case-state';
import type { Drop, Group } from './correlation-rule';
import {
  correlationDecider,
  type CorrelationState,
  isOnlyCounted,
  joins,
  type PlaceAlert,
  type WindowEvent,
} from './correlation.decider';
import { entityDecider, type EntityEvent, type EntityState, relatedBy } from './entity.decider';
import { escalations } from './escalation-rule';
import { naturalKeyDecider, type NaturalKeyEvent, type NaturalKeyState, originalOf } from './natural-key.decider';
import { severityOfFinding } from './severity';

/** A rule that puts an alert into a case. `likeness` is an HMAC here, and the key stays outside. */
export type Placement = Omit<Group, 'kind' | 'key' | 'links'> & {
  readonly links: readonly Omit<Group['links'][number], 'value'>[];
};

/** One enriched alert, with what the rules say of it; without a ruling it leads to no case. */
export interface Reception {
  readonly alert: AlertEnriched;
  readonly rules: { readonly version: number; readonly digest: string };
  readonly ruling?: Drop | ({ readonly kind: 'group' } & Placement);
  readonly natural?: { readonly rule: string; readonly windowMinutes: number };
  /** Of the case that it may open: derived from the receipt, so that deciding again gives the same. */
  readonly newCaseId: string;
  /** When it is decided, RFC 3339. */
  readonly now: string;
}

/** What is known when the decision is taken. */
export interface IntakeState {
  readonly alert: AlertState;
  readonly correlation: CorrelationState;
  readonly natural: NaturalKeyState;
  /** Of the placement's links, in their order. */
  readonly entities: readonly EntityState[];
  caseById(caseId: string): CaseState;
}

/** What a reception leads to, stream by stream; they are appended as one group. */
export interface IntakeDecision {
  readonly alert: AlertEvent[];
  readonly correlation: WindowEvent[];
  readonly natural: NaturalKeyEvent[];
  /** Of the placement's links, in their order. */
  readonly entities: readonly EntityEvent[][];
  readonly case: CaseEvent[];
  /** Whose stream `case` goes to. */
  readonly caseId: string | null;
  /** Other cases, which it is linked to. */
  readonly linked: ReadonlyMap<string, CaseEvent[]>;
  /** What the case only counts: that can be one event with those of the alerts that follow. */
  readonly counted?: Count;
}

/** What it means that a case only counts an alert. Both are the first event of their stream. */
export interface Count {
  readonly window: Extract<WindowEvent, { type: 'CorrelationSuppressed' }>;
  readonly counter: Extract<CaseEvent, { type: 'AlertsSuppressed' }>;
}

type Outcome = Omit<IntakeDecision, 'alert' | 'natural'> & {
  readonly outcome: 'new' | 'grouped' | 'suppressed';
  readonly suppression: Suppression | null;
};

/**
 * The one outcome of a reception. An alert is placed in a case when it is new, or when an update has made it grave
 * enough for one; further updates go to the case it has; a duplicate changes no case, nor does a version that a later one
 * has overtaken.
 */
export function decideIntake(reception: Reception, state: IntakeState): IntakeDecision {
  const { alert, natural, ruling, rules } = reception;
  const novelty = noveltyOf(alert, state.alert);
  const before = state.alert.status === 'recorded' ? state.alert : undefined;
  const known = before?.caseId ?? (state.alert.status === 'duplicate' ? state.alert.caseId : null);
  const by = (rule: string): DecidedBy => ({ rule, rulesVersion: rules.version, rulesDigest: rules.digest });
  const recorded = (outcome: Outcome, decidedBy: DecidedBy): IntakeDecision => {
    const { outcome: name, suppression, ...rest } = outcome;
    const { caseId } = rest;
    const command = { type: 'RecordAlert', alert, caseId, outcome: name, decidedBy, suppression } as const;
    return { ...rest, alert: alertDecider.decide(command, state.alert), natural: [] };
  };
  if (novelty === 'duplicate' || isOvertaken(alert, state.alert)) return recorded(withoutCase(known), null);
  if (before && novelty === 'updated' && before.caseId !== null) {
    return recorded(update(reception, before, before.caseId, state), null);
  }
  const original = natural && novelty === 'new' ? originalOf(state.natural, alert) : undefined;
  if (natural && original) {
    const { alertId: of, caseId } = original;
    const command = { type: 'RecordDuplicate', alert, of, caseId, decidedBy: by(natural.rule) } as const;
    const { outcome: _, suppression: __, ...rest } = withoutCase(caseId);
    return { ...rest, alert: alertDecider.decide(command, state.alert), natural: [] };
  }
  const decided = recorded(ruled(reception, novelty, state), ruling ? by(ruling.rule) : null);
  if (!natural || novelty !== 'new') return decided;
  const { alertId, receivedAt } = alert;
  const take = { type: 'TakeNaturalKey', ...natural, alertId, receivedAt, caseId: decided.caseId } as const;
  return { ...decided, natural: naturalKeyDecider.decide(take, state.natural) };
}

function ruled(reception: Reception, novelty: 'new' | 'updated', state: IntakeState): Outcome {
  const { ruling } = reception;
  if (ruling === undefined) return withoutCase(null);
  if (ruling.kind === 'group') return place(reception, ruling, novelty, state);
  return { ...withoutCase(null), outcome: 'suppressed', suppression: { kind: 'dropped', reason: ruling.reason } };
}

const withoutCase = (caseId: string | null): Outcome => ({
  ...{ outcome: 'new', suppression: null, caseId },
  ...{ correlation: [], entities: [], case: [], linked: new Map() },
});

/** New content of an alert that a case has. Of one that it only counts, it takes in what has become graver. */
function update(
  { alert, ruling }: Reception,
  before: Extract<AlertState, { status: 'recorded' }>,
  caseId: string,
  state: IntakeState,
): Outcome {
  const present = state.caseById(caseId);
  if (!before.isCounted) {
    const command = { type: 'UpdateAlert', alert, previousSeverity: before.severity } as const;
    return { ...withoutCase(caseId), case: caseDecider.decide(command, present) };
  }
  if (!isGraver(alert, before.severity) || ruling?.kind !== 'group') return withoutCase(caseId);
  return {
    ...withoutCase(caseId),
    case: caseDecider.decide({ type: 'GroupAlert', alert, rule: ruling.rule }, present),
  };
}

function place(
  { alert, newCaseId, now }: Reception,
  { rule, windowMinutes, likeness, suppressAbove, escalate, links }: Placement,
  novelty: 'new' | 'updated',
  state: IntakeState,
): Outcome {
  const { alertId, sourceId, receivedAt } = alert;
  const present = state.correlation.status === 'open' ? state.caseById(state.correlation.caseId) : undefined;
  const command: PlaceAlert = {
    type: 'PlaceAlert',
    ...{ rule, alertId, sourceId, likeness, receivedAt, windowMinutes, newCaseId },
    severity: severityOfFinding(alert.finding),
    // What is known already and has become grave enough is news, however many are like it.
    suppressAbove: novelty === 'new' ? suppressAbove : null,
    caseIsClosed: present?.exists !== true || present.status === 'closed',
  };
  const isJoining = joins(state.correlation, command);
  const isCounted = isJoining && isOnlyCounted(state.correlation, command);
  const correlation = correlationDecider.decide(command, state.correlation);
  const before: CaseState = isJoining && present ? present : { exists: false };
  const events = caseDecider.decide(
    isCounted
      ? { type: 'CountAlert', rule, receivedAt }
      : isJoining
        ? { type: 'GroupAlert', alert, rule }
        : { type: 'OpenCase', caseId: newCaseId, alert, rule },
    before,
  );
  const after = afterwards(events, before);
  const window = correlation.reduce(correlationDecider.evolve, state.correlation);
  const escalated = window.status === 'open' ? escalations({ rule, escalate, now }, window, after) : [];
  const linking = isCounted ? NOTHING_LINKED : link({ alert, rule, links }, state, afterwards(escalated, after));
  return {
    outcome: isCounted ? 'suppressed' : isJoining ? 'grouped' : 'new',
    suppression: isCounted ? { kind: 'counted', reason: `the case has ${suppressAbove} like it` } : null,
    correlation,
    case: [...events, ...escalated, ...linking.case],
    caseId: after.caseId,
    counted: countIn(correlation, events),
    entities: linking.entities,
    linked: linking.linked,
  };
}

function countIn([window]: readonly WindowEvent[], [counter]: readonly CaseEvent[]): Count | undefined {
  return window?.type === 'CorrelationSuppressed' && counter?.type === 'AlertsSuppressed'
    ? { window, counter }
    : undefined;
}

/** Two counts that follow each other as one. */
export function countedTogether({ window, counter }: Count, next: Count): Count {
  return {
    window: { ...next.window, data: { ...next.window.data, count: window.data.count + next.window.data.count } },
    counter: {
      ...counter,
      data: { ...counter.data, count: counter.data.count + next.counter.data.count, until: next.counter.data.until },
    },
  };
}

const NOTHING_LINKED = { case: [], entities: [], linked: new Map<string, CaseEvent[]>() };

/** Links a case to the open ones that have seen the same entities, and them to it. */
function link(
  { alert: { receivedAt }, rule, links }: Pick<Reception, 'alert'> & Pick<Placement, 'rule' | 'links'>,
  state: IntakeState,
  own: OpenedCase,
): Pick<IntakeDecision, 'case' | 'entities' | 'linked'> {
  const { caseId } = own;
  let mine = own;
  const case_: CaseEvent[] = [];
  const linked = new Map<string, CaseEvent[]>();
  const entities = links.map(({ entity, windowMinutes }, at) => {
    const seen = state.entities[at] ?? entityDecider.initialState();
    for (const other of relatedBy(seen, { caseId, receivedAt })) {
      const theirs = fold(caseDecider, linked.get(other) ?? [], state.caseById(other));
      if (!theirs.exists || theirs.status === 'closed') continue;
      const there = caseDecider.decide({ type: 'LinkCase', to: other, entity, rule }, mine);
      case_.push(...there);
      mine = afterwards(there, mine);
      const back = caseDecider.decide({ type: 'LinkCase', to: caseId, entity, rule }, theirs);
      if (back.length > 0) linked.set(other, [...(linked.get(other) ?? []), ...back]);
    }
    return entityDecider.decide({ type: 'SeeEntity', entity, caseId, receivedAt, windowMinutes }, seen);
  });
  return { case: case_, entities, linked };
}

function afterwards(events: readonly CaseEvent[], before: CaseState): OpenedCase {
  const after = fold(caseDecider, events, before);
  if (!after.exists) throw new DomainError('internal', 'an alert was placed in a case that does not exist');
  return after;
}
