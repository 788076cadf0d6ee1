import type { Category } from '#contracts/envelope';
import type { AlertEvent, CorrelationEvent } from '#contracts/events/alert';
import type { CaseEvent } from '#contracts/events/case';
import { type BusMessage, dead, done, type Outcome, retry } from '#libs/bus';
import type { AppendGroup, EventStore, Snapshots } from '#libs/event-store';
import { type Clock, deterministicId, DomainError } from '#libs/kernel';
import { type AlertCommand, alertDecider, type AlertState } from '../domain/alert.decider';
import { type CaseCommand, caseDecider } from '../domain/case.decider';
import type { CaseState } from '../domain/case-state';
import { correlate, type CorrelationMatch, type CorrelationRules } from '../domain/correlation-rule';
import { correlationDecider, type CorrelationState, type PlaceAlert } from '../domain/correlation.decider';
import { decideIntake } from '../domain/intake';
import { correlationStream } from './correlation-key';
import { type Intake, readDeath, readIntake, refusalOf } from './intake-message';
import { type Cause, StreamTips, TipCache } from './stream-tips';

/** A hot key that so many rounds lose to other instances waits a moment, instead of holding the whole batch. */
const MAX_ROUNDS = 25;
const CACHED_STREAMS = 2_000;

interface Work {
  readonly index: number;
  readonly intake: Intake;
  /** For an enriched alert that is grave enough for a case. */
  readonly match?: CorrelationMatch;
  readonly correlation?: string;
}

interface Tips {
  readonly alerts: StreamTips<AlertState, AlertCommand, AlertEvent>;
  readonly correlations: StreamTips<CorrelationState, PlaceAlert, CorrelationEvent>;
  readonly cases: StreamTips<CaseState, CaseCommand, CaseEvent>;
}

export interface AlertIntakeOptions {
  readonly store: EventStore;
  readonly snapshots?: Snapshots;
  readonly rules: CorrelationRules;
  readonly hmacKey: Buffer;
  readonly clock: Clock;
}

/**
 * Gives each receipt its one outcome: on the alert's stream, and in the same group on those of the correlation and the
 * case it leads to, so that two instances cannot open two cases for one storm (invariants 3 and 7).
 */
export class AlertIntake {
  private readonly cases = new TipCache<CaseState>(CACHED_STREAMS);
  private readonly correlations = new TipCache<CorrelationState>(CACHED_STREAMS);

  constructor(private readonly options: AlertIntakeOptions) {}

  /** One outcome a message, in their order. Throws DomainError('database_unavailable'): deliver the batch again. */
  take(messages: readonly BusMessage[]): Promise<Outcome[]> {
    return this.settleAll(messages, readIntake);
  }

  /** The same for what died before it had its outcome: it is rejected. @param service where it died. */
  takeDead(messages: readonly BusMessage[], service: 'enrichment' | 'case'): Promise<Outcome[]> {
    return this.settleAll(messages, (message) => readDeath(message, service));
  }

  private async settleAll(
    messages: readonly BusMessage[],
    reader: (message: BusMessage) => Intake | Outcome,
  ): Promise<Outcome[]> {
    const outcomes = new Map<number, Outcome>();
    let open: Work[] = [];
    for (const [index, message] of messages.entries()) {
      const read = reader(message);
      if ('message' in read) open.push(this.toWork(index, read));
      else outcomes.set(index, read);
    }
    for (let round = 0; open.length > 0 && round < MAX_ROUNDS; round += 1) {
      open = await this.settle(open, outcomes, round > 0);
    }
    for (const { index } of open) outcomes.set(index, retry(250, 'other instances were faster on its streams'));
    return messages.map((_, index) => outcomes.get(index) ?? retry(0, 'it was not decided'));
  }

  private toWork(index: number, intake: Intake): Work {
    if (intake.kind === 'refused') return { index, intake };
    const match = correlate(this.options.rules, intake.alert);
    if (!match) return { index, intake };
    return { index, intake, match, correlation: correlationStream(intake.message.tenant, match, this.options.hmacKey) };
  }

  /** One round: all streams read, everything decided in order, everything appended at once. Returns what lost a race. */
  private async settle(open: readonly Work[], outcomes: Map<number, Outcome>, isRetry: boolean): Promise<Work[]> {
    const tips = await this.load(open, isRetry);
    const time = this.options.clock.now();
    const staged: { work: Work; group: AppendGroup }[] = [];
    for (const work of open) {
      const group = this.decide(work, tips, { message: work.intake.message, time });
      if (group.length > 0) staged.push({ work, group });
      else outcomes.set(work.index, done);
    }
    if (staged.length === 0) return [];
    const results = await this.options.store.appendMany(staged.map(({ group }) => group));
    const again: Work[] = [];
    const unwritten = new Set<string>();
    for (const [at, { work, group }] of staged.entries()) {
      const result = results[at];
      if (result?.status === 'appended' || result?.status === 'duplicate') outcomes.set(work.index, done);
      else if (result?.status === 'refused') this.refuse(work, result.error, again, outcomes);
      else again.push(work);
      if (result?.status !== 'appended') for (const { stream } of group) unwritten.add(stream);
    }
    const written = staged.flatMap(({ group }) => group).filter(({ stream }) => !unwritten.has(stream));
    const of = (category: Category) => written.flatMap((one) => (one.category === category ? [one.stream] : []));
    await Promise.all([tips.cases.remember(of('case')), tips.correlations.remember(of('correlation'))]);
    return again;
  }

  private async load(open: readonly Work[], isRetry: boolean): Promise<Tips> {
    const { store, snapshots } = this.options;
    const tips: Tips = {
      alerts: new StreamTips(store, 'alert', alertDecider, { tracksCauses: true }),
      correlations: new StreamTips(store, 'correlation', correlationDecider, { snapshots, cache: this.correlations }),
      cases: new StreamTips(store, 'case', caseDecider, { snapshots, cache: this.cases }),
    };
    await tips.alerts.load(
      open.flatMap(({ intake }) => streamsOf(intake)),
      isRetry,
    );
    await tips.correlations.load(open.flatMap(({ correlation }) => correlation ?? []));
    const cases = open.flatMap(({ intake, correlation }) => {
      const alert = tips.alerts.tip(outcomeStream(intake)).state;
      const window = correlation ? tips.correlations.tip(correlation).state : undefined;
      return [
        ...(alert.status === 'recorded' && alert.caseId !== null ? [caseStream(alert.caseId)] : []),
        ...(window?.status === 'open' ? [caseStream(window.caseId)] : []),
      ];
    });
    await tips.cases.load(cases);
    return tips;
  }

  /** The group of a receipt; empty when it has its outcome already. */
  private decide({ intake, match, correlation }: Work, tips: Tips, cause: Cause): AppendGroup {
    const { receiptId } = intake.alert;
    const stream = outcomeStream(intake);
    if (streamsOf(intake).some((known) => tips.alerts.tip(known).causes.has(receiptId))) return [];
    if (intake.kind === 'refused') {
      const { alert, stage } = intake;
      const events = alertDecider.decide({ type: 'RejectAlert', alert, stage }, tips.alerts.tip(stream).state);
      return [tips.alerts.stage(stream, events, cause, receiptId)];
    }
    const decision = decideIntake(
      { alert: intake.alert, correlation: match, newCaseId: deterministicId('case', cause.message.tenant, receiptId) },
      {
        alert: tips.alerts.tip(stream).state,
        correlation: correlation ? tips.correlations.tip(correlation).state : correlationDecider.initialState(),
        caseById: (caseId) => tips.cases.tip(caseStream(caseId)).state,
      },
    );
    return [
      tips.alerts.stage(stream, decision.alert, cause, receiptId),
      ...(correlation && decision.correlation.length > 0
        ? [tips.correlations.stage(correlation, decision.correlation, cause, receiptId)]
        : []),
      ...(decision.caseId !== null && decision.case.length > 0
        ? [tips.cases.stage(caseStream(decision.caseId), decision.case, cause, receiptId)]
        : []),
    ];
  }

  /** The ledger cannot take it as it is: the receipt is rejected, and if even that cannot be stored, it is dead. */
  private refuse(work: Work, error: DomainError, again: Work[], outcomes: Map<number, Outcome>): void {
    const refusal = work.intake.kind === 'enriched' ? refusalOf(work.intake.message, error) : undefined;
    if (refusal) again.push({ index: work.index, intake: refusal });
    else outcomes.set(work.index, dead(error.code, error.reason, error.field));
  }
}

const caseStream = (caseId: string): string => `case-${caseId}`;
const alertStream = (alertId: string): string => `alert-${alertId}`;
const rejectionStream = (receiptId: string): string => `alert-${receiptId}`;

function outcomeStream({ kind, alert }: Intake): string {
  return kind === 'enriched' ? alertStream(alert.alertId) : rejectionStream(alert.receiptId);
}

/** Where the outcome of a receipt may stand. */
function streamsOf(intake: Intake): string[] {
  const alertId = intake.kind === 'enriched' ? intake.alert.alertId : intake.alertId;
  return [rejectionStream(intake.alert.receiptId), ...(alertId === undefined ? [] : [alertStream(alertId)])];
}
