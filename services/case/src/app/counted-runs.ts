import type { CaseEvent } from '#contracts/events/case';
import type { AppendGroup, StreamAppend } from '#libs/event-store';
import type { CaseCommand } from '../domain/case.decider';
import type { CaseState } from '../domain/case-state';
import type { CorrelationState, PlaceAlert, WindowEvent } from '../domain/correlation.decider';
import { type Count, countedTogether } from '../domain/intake';
import type { Cause, StreamTips } from './stream-tips';

/** The two streams that count. */
interface Counting {
  readonly correlation: string;
  readonly case: string;
}

interface Run<Item> extends Counting {
  /** As they stood before it: what it has counted is appended at its end. */
  readonly before: { readonly correlation: CorrelationState; readonly case: CaseState };
  /** Of its first alert. */
  readonly cause: Cause;
  readonly causationId: string;
  readonly staged: Staged<Item>;
  count: Count;
}

/** What is appended together or not at all, and the receipts that have their outcome by it. */
export interface Staged<Item> {
  readonly works: Item[];
  readonly group: StreamAppend[];
}

export interface CountingTips {
  readonly correlations: StreamTips<CorrelationState, PlaceAlert, WindowEvent>;
  readonly cases: StreamTips<CaseState, CaseCommand, CaseEvent>;
}

/**
 * The alerts of a batch that their case only counts. Those that follow each other on a key are one group, with one event
 * that counts them all: a storm makes a case grow by its batches, not by its alerts.
 */
export class CountedRuns<Item> {
  private readonly open = new Map<string, Run<Item>>();
  private readonly byCase = new Map<string, Run<Item>>();

  constructor(private readonly tips: CountingTips) {}

  /**
   * Adds an alert to the run of its key, which it begins if need be.
   * @returns the group of the run when it is a new one, to be appended at its place.
   */
  add(
    work: Item,
    group: AppendGroup,
    at: Counting & Pick<Run<Item>, 'cause' | 'causationId'>,
    count: Count,
  ): Staged<Item> | undefined {
    const known = this.open.get(at.correlation);
    const run = known ?? this.begin(at, count);
    run.staged.works.push(work);
    run.staged.group.push(...group);
    if (known) run.count = countedTogether(run.count, count);
    const { correlations, cases } = this.tips;
    correlations.foresee(run.correlation, run.before.correlation, [run.count.window]);
    cases.foresee(run.case, run.before.case, [run.count.counter]);
    return known ? undefined : run.staged;
  }

  /**
   * Ends the run that counts on one of these streams, so that something else can be appended to it.
   * @param more what stands on the case's stream behind the count.
   */
  end({ correlation, case: caseStream }: Partial<Counting>, more: readonly CaseEvent[] = []): void {
    const run = this.open.get(correlation ?? '') ?? this.byCase.get(caseStream ?? '');
    if (!run) return;
    const { staged, before, cause, causationId, count } = run;
    const { correlations, cases } = this.tips;
    correlations.foresee(run.correlation, before.correlation, []);
    cases.foresee(run.case, before.case, []);
    staged.group.push(
      correlations.stage(run.correlation, [count.window], cause, causationId),
      cases.stage(run.case, [count.counter, ...more], cause, causationId),
    );
    this.open.delete(run.correlation);
    this.byCase.delete(run.case);
  }

  endAll(): void {
    for (const run of [...this.open.values()]) this.end(run);
  }

  private begin(at: Parameters<CountedRuns<Item>['add']>[2], count: Count): Run<Item> {
    const { correlation, case: caseStream } = at;
    const run: Run<Item> = {
      ...at,
      before: {
        correlation: this.tips.correlations.tip(correlation).state,
        case: this.tips.cases.tip(caseStream).state,
      },
      staged: { works: [], group: [] },
      count,
    };
    this.open.set(correlation, run);
    this.byCase.set(caseStream, run);
    return run;
  }
}
