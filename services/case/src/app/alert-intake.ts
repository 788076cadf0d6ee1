import type { AlertEvent } from '#contracts/events/alert';
import { type BusMessage, dead, done, type Outcome, retry } from '#libs/bus';
import type { EventStore, Snapshots } from '#libs/event-store';
import type { Clock, DomainError } from '#libs/kernel';
import type { CaseState } from '../domain/case-state';
import type { CorrelationState } from '../domain/correlation.decider';
import type { Staged } from './counted-runs';
import { type Intake, readDeath, readIntake, refusalOf } from './intake-message';
import { planOf, type RulesInForce } from './intake-plan';
import { JoinedCalls } from './joined-calls';
import { IntakeRound, type Work } from './intake-round';
import { TipCache } from './stream-tips';

/** A hot key that so many rounds lose to other instances waits a moment, instead of holding the whole batch. */
const MAX_ROUNDS = 25;
const CACHED_STREAMS = 2_000;
/** Messages that are decided together, from however many partitions and lanes they came. */
const JOINED = 1_500;

interface Arrived {
  readonly message: BusMessage;
  readonly read: (message: BusMessage) => Intake | Outcome;
}

type Recorded = Extract<AlertEvent, { type: 'AlertRecorded' }>['data'];

export interface AlertIntakeOptions {
  readonly store: EventStore;
  readonly snapshots?: Snapshots;
  /** Those of the moment: a batch is decided by one set of rules. */
  readonly rules: () => RulesInForce;
  readonly hmacKey: Buffer;
  readonly clock: Clock;
  /** Is told of each alert that was recorded as suppressed, and by which rule. */
  readonly onSuppressed?: (kind: 'dropped' | 'counted', rule: string) => void;
}

/**
 * Gives each receipt its one outcome: on the alert's stream, and in the same group on those of the correlation and the
 * case it leads to, so that two instances cannot open two cases for one storm (invariants 3 and 7).
 */
export class AlertIntake {
  private readonly cases = new TipCache<CaseState>(CACHED_STREAMS);
  private readonly correlations = new TipCache<CorrelationState>(CACHED_STREAMS);

  private readonly joined = new JoinedCalls((arrived: readonly Arrived[]) => this.settleAll(arrived), JOINED);

  constructor(private readonly options: AlertIntakeOptions) {}

  /** One outcome a message, in their order. Throws DomainError('database_unavailable'): deliver the batch again. */
  take(messages: readonly BusMessage[]): Promise<Outcome[]> {
    return this.joined.ask(messages.map((message) => ({ message, read: readIntake })));
  }

  /** The same for what died before it had its outcome: it is rejected. @param service where it died. */
  takeDead(messages: readonly BusMessage[], service: 'enrichment' | 'case'): Promise<Outcome[]> {
    const read = (message: BusMessage) => readDeath(message, service);
    return this.joined.ask(messages.map((message) => ({ message, read })));
  }

  private async settleAll(arrived: readonly Arrived[]): Promise<Outcome[]> {
    const { rules, hmacKey } = this.options;
    const inForce = rules();
    const outcomes = new Map<number, Outcome>();
    let open: Work[] = [];
    for (const [index, { message, read }] of arrived.entries()) {
      const intake = read(message);
      if ('message' in intake) open.push({ index, intake, plan: planOf(intake, inForce, hmacKey) });
      else outcomes.set(index, intake);
    }
    for (let round = 0; open.length > 0 && round < MAX_ROUNDS; round += 1) {
      open = await this.settle(open, outcomes, round > 0);
    }
    for (const { index } of open) outcomes.set(index, retry(250, 'other instances were faster on its streams'));
    return arrived.map((_, index) => outcomes.get(index) ?? retry(0, 'it was not decided'));
  }

  /** One round: all streams read, everything decided in order, everything appended at once. Returns what lost a race. */
  private async settle(open: readonly Work[], outcomes: Map<number, Outcome>, isRetry: boolean): Promise<Work[]> {
    const { store, snapshots, clock } = this.options;
    const { cases, correlations } = this;
    const round = new IntakeRound({ store, snapshots, cases, correlations });
    await round.load(open, isRetry);
    const { staged, settled, later, refused } = round.decide(open, clock.now());
    for (const { index } of settled) outcomes.set(index, done);
    const again: Work[] = [...later];
    for (const { work, error } of refused) this.refuse([work], error, again, outcomes);
    if (staged.length === 0) return again;
    const results = await store.appendMany(staged.map(({ group }) => group));
    const unwritten = new Set<string>();
    for (const [at, { works, group }] of staged.entries()) {
      const result = results[at];
      if (result?.status === 'appended' || result?.status === 'duplicate') {
        for (const { index } of works) outcomes.set(index, done);
      } else if (result?.status === 'refused') this.refuse(works, result.error, again, outcomes);
      else again.push(...works);
      if (result?.status === 'appended') this.tell(group);
      else for (const { stream } of group) unwritten.add(stream);
    }
    await round.remember(staged.flatMap(({ group }) => group).filter(({ stream }) => !unwritten.has(stream)));
    return again;
  }

  /**
   * The ledger cannot take it as it is: the receipt is rejected, and if even that cannot be stored, it is dead. Which of
   * many it was that are counted together is not known: each goes by itself.
   */
  private refuse(works: readonly Work[], error: DomainError, again: Work[], outcomes: Map<number, Outcome>): void {
    const [work, ...others] = works;
    if (!work) return;
    if (others.length > 0) {
      again.push(...works.map((one) => ({ ...one, isAlone: true }) as const));
      return;
    }
    const refusal = work.intake.kind === 'enriched' ? refusalOf(work.intake.message, error) : undefined;
    if (refusal) again.push({ index: work.index, intake: refusal, plan: { ...work.plan, entities: [] } });
    else outcomes.set(work.index, dead(error.code, error.reason, error.field));
  }

  private tell(group: Staged<Work>['group']): void {
    const { onSuppressed } = this.options;
    if (!onSuppressed) return;
    for (const { type, data } of group.flatMap(({ events }) => events)) {
      if (type !== 'AlertRecorded') continue;
      // Decided above, by the contract of its type.
      const { suppression, decidedBy } = data as unknown as Recorded;
      if (suppression && decidedBy) onSuppressed(suppression.kind, decidedBy.rule);
    }
  }
}
