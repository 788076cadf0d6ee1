import type { AlertEvent } from '#contracts/events/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { AppendGroup, EventStore, Snapshots, StreamAppend } from '#libs/event-store';
import { deterministicId, DomainError, type DomainEvent } from '#libs/kernel';
import { type AlertCommand, alertDecider, type AlertState } from '../domain/alert.decider';
import { type CaseCommand, caseDecider } from '../domain/case.decider';
import type { CaseState } from '../domain/case-state';
import {
  correlationDecider,
  type CorrelationState,
  type PlaceAlert,
  type WindowEvent,
} from '../domain/correlation.decider';
import { entityDecider, type EntityEvent, type EntityState, type SeeEntity } from '../domain/entity.decider';
import { decideIntake, type IntakeDecision } from '../domain/intake';
import {
  naturalKeyDecider,
  type NaturalKeyEvent,
  type NaturalKeyState,
  type TakeNaturalKey,
} from '../domain/natural-key.decider';
import { CountedRuns, type Staged } from './counted-runs';
import type { Intake } from './intake-message';
import type { IntakePlan } from './intake-plan';
import { type Cause, StreamTips, type TipCache } from './stream-tips';

/** A receipt that is to get its outcome. */
export interface Work {
  readonly index: number;
  readonly intake: Intake;
  readonly plan: IntakePlan;
  /** The ledger has refused something that it was to be appended with: now it goes by itself. */
  readonly isAlone?: true;
}

/** Where rounds get the streams from. */
export interface RoundParts {
  readonly store: EventStore;
  readonly snapshots?: Snapshots;
  readonly cases: TipCache<CaseState>;
  readonly correlations: TipCache<CorrelationState>;
}

export interface DecidedRound {
  readonly staged: readonly Staged<Work>[];
  /** They have their outcome already. */
  readonly settled: readonly Work[];
  /** They can be decided on once this round has been written. */
  readonly later: readonly Work[];
  /** The ledger would not take them. */
  readonly refused: readonly { readonly work: Work; readonly error: DomainError }[];
}

/** One round: all streams read, and everything decided in order, each message seeing what those before it want to add. */
export class IntakeRound {
  private readonly alerts: StreamTips<AlertState, AlertCommand, AlertEvent>;
  private readonly correlations: StreamTips<CorrelationState, PlaceAlert, WindowEvent>;
  private readonly naturals: StreamTips<NaturalKeyState, TakeNaturalKey, NaturalKeyEvent>;
  private readonly entities: StreamTips<EntityState, SeeEntity, EntityEvent>;
  private readonly cases: StreamTips<CaseState, CaseCommand, CaseEvent>;
  private readonly runs: CountedRuns<Work>;
  /** Natural keys that alerts of this round take: whether they get them is not known before it is written. */
  private readonly taken = new Set<string>();

  constructor({ store, snapshots, cases, correlations }: RoundParts) {
    this.alerts = new StreamTips(store, 'alert', alertDecider, { tracksCauses: true });
    this.correlations = new StreamTips(store, 'correlation', correlationDecider, { snapshots, cache: correlations });
    this.naturals = new StreamTips(store, 'correlation', naturalKeyDecider);
    this.entities = new StreamTips(store, 'correlation', entityDecider, { snapshots });
    this.cases = new StreamTips(store, 'case', caseDecider, { snapshots, cache: cases });
    this.runs = new CountedRuns({ correlations: this.correlations, cases: this.cases });
  }

  async load(open: readonly Work[], isRetry: boolean): Promise<void> {
    const { alerts, correlations, naturals, entities, cases } = this;
    await alerts.load(
      open.flatMap(({ intake }) => streamsOf(intake)),
      isRetry,
    );
    await correlations.load(open.flatMap(({ plan }) => plan.correlation ?? []));
    const natural = open.flatMap(({ plan }) => plan.natural?.stream ?? []);
    const linking = open.flatMap(({ plan }) => plan.entities);
    if (natural.length > 0) await naturals.load(natural);
    if (linking.length > 0) await entities.load(linking);
    const caseIds = open.flatMap(({ intake, plan }) => {
      const alert = alerts.tip(outcomeStream(intake)).state;
      const window = plan.correlation === undefined ? undefined : correlations.tip(plan.correlation).state;
      return [
        ...(alert.status === 'recorded' && alert.caseId !== null ? [alert.caseId] : []),
        ...(window?.status === 'open' ? [window.caseId] : []),
        ...plan.entities.flatMap((stream) => entities.tip(stream).state.cases.map(({ caseId }) => caseId)),
      ];
    });
    await cases.load(caseIds.map(caseStream));
  }

  decide(open: readonly Work[], time: Date): DecidedRound {
    const round = { staged: [] as Staged<Work>[], settled: [] as Work[], later: [] as Work[] };
    const refused: { work: Work; error: DomainError }[] = [];
    for (const work of open) {
      const { intake, plan } = work;
      const { receiptId } = intake.alert;
      if (streamsOf(intake).some((known) => this.alerts.tip(known).causes.has(receiptId))) round.settled.push(work);
      else if (this.taken.has(plan.natural?.stream ?? '')) round.later.push(work);
      else {
        try {
          const group = this.decideOn(work, { message: intake.message, time }, receiptId);
          if (group) round.staged.push(group);
        } catch (error) {
          // What cannot be stored is found when its alert is staged, before anything else of it is.
          if (!(error instanceof DomainError) || error.kind !== 'invalid') throw error;
          refused.push({ work, error });
        }
      }
    }
    this.runs.endAll();
    return { ...round, refused };
  }

  /** Keeps what was written of cases and keys for the next rounds. */
  async remember(written: AppendGroup): Promise<void> {
    const of = (names: readonly StreamAppend[], kept: (stream: string) => boolean) =>
      names.flatMap(({ stream }) => (kept(stream) ? [stream] : []));
    const ofCases = written.filter(({ category }) => category === 'case');
    const ofKeys = written.filter(({ category }) => category === 'correlation');
    await Promise.all([
      this.cases.remember(of(ofCases, () => true)),
      this.correlations.remember(of(ofKeys, (stream) => this.correlations.knows(stream))),
    ]);
  }

  /** The group of a receipt; undefined when it has become part of one that is staged already. */
  private decideOn(work: Work, cause: Cause, receiptId: string): Staged<Work> | undefined {
    const { intake, plan } = work;
    const stream = outcomeStream(intake);
    const state = this.alerts.tip(stream).state;
    if (intake.kind === 'refused') {
      const { alert, stage } = intake;
      const events = alertDecider.decide({ type: 'RejectAlert', alert, stage }, state);
      return { works: [work], group: [this.alerts.stage(stream, events, cause, receiptId)] };
    }
    const { rules, ruling, natural, correlation } = plan;
    const decision = decideIntake(
      {
        ...{ alert: intake.alert, rules, ruling, natural },
        newCaseId: deterministicId('case', cause.message.tenant, receiptId),
        now: cause.time.toISOString(),
      },
      {
        alert: state,
        correlation: correlation ? this.correlations.tip(correlation).state : correlationDecider.initialState(),
        natural: natural ? this.naturals.tip(natural.stream).state : naturalKeyDecider.initialState(),
        entities: plan.entities.map((entity) => this.entities.tip(entity).state),
        caseById: (caseId) => this.cases.tip(caseStream(caseId)).state,
      },
    );
    const alert = this.alerts.stage(stream, decision.alert, cause, receiptId);
    const others = this.stageAside(plan, decision, cause, receiptId);
    return decision.counted
      ? this.count(work, [alert, ...others], decision, cause)
      : { works: [work], group: [alert, ...others, ...this.stageCases(plan, decision, cause, receiptId)] };
  }

  private count(work: Work, group: AppendGroup, decision: IntakeDecision, cause: Cause): Staged<Work> | undefined {
    const { counted, caseId } = decision;
    const { correlation } = work.plan;
    if (!counted || correlation === undefined || caseId === null) return { works: [work], group: [...group] };
    const at = { correlation, case: caseStream(caseId) };
    if (work.isAlone) this.runs.end(at);
    const causationId = work.intake.alert.receiptId;
    const begun = this.runs.add(work, group, { ...at, cause, causationId }, counted);
    // What comes of the count stands behind it, and so at the end of the run.
    const more = decision.case.slice(1);
    if (work.isAlone || more.length > 0) this.runs.end(at, more);
    return begun;
  }

  /** The natural key, and the entities by which cases are linked. */
  private stageAside(plan: IntakePlan, decision: IntakeDecision, cause: Cause, causationId: string): StreamAppend[] {
    const { natural, entities } = plan;
    if (natural && decision.natural.length > 0) this.taken.add(natural.stream);
    return [
      ...(natural ? staged(this.naturals, natural.stream, decision.natural, cause, causationId) : []),
      ...entities.flatMap((stream, at) =>
        staged(this.entities, stream, decision.entities[at] ?? [], cause, causationId),
      ),
    ];
  }

  private stageCases(plan: IntakePlan, decision: IntakeDecision, cause: Cause, causationId: string): StreamAppend[] {
    const { correlation, caseId, linked } = decision.caseId === null ? { ...decision, linked: new Map() } : decision;
    const cases = [...(caseId === null ? [] : [[caseId, decision.case] as const]), ...linked];
    for (const [id, events] of cases) if (events.length > 0) this.runs.end({ case: caseStream(id) });
    if (correlation.length > 0) this.runs.end({ correlation: plan.correlation });
    return [
      ...staged(this.correlations, plan.correlation ?? '', correlation, cause, causationId),
      ...cases.flatMap(([id, events]) => staged(this.cases, caseStream(id), events, cause, causationId)),
    ];
  }
}

function staged<State, Command, Event extends DomainEvent>(
  tips: StreamTips<State, Command, Event>,
  stream: string,
  events: readonly Event[],
  cause: Cause,
  causationId: string,
): StreamAppend[] {
  return events.length > 0 ? [tips.stage(stream, events, cause, causationId)] : [];
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
