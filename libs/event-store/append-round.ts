import type { Category } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import type { BlockedStream, CheckedStream, UnitEvent } from './append-statement';
import { assertDistinctIds } from './earlier-answer';
import type { AppendGroup, StreamAppend, StreamHead } from './port';
import { type PreparedStream, prepareGroup } from './prepared-group';
import { StreamMap } from './stream-map';

/** A group that goes into this round's statement. */
export interface PlannedGroup {
  readonly index: number;
  readonly unit: number;
  readonly prepared: readonly PreparedStream[];
}

/** What one statement will try, and what has to wait for its outcome. */
export interface Round {
  readonly planned: readonly PlannedGroup[];
  readonly streams: readonly CheckedStream[];
  readonly events: readonly UnitEvent[];
  /** Groups that do not expect what the ledger is known to hold: a conflict, or an answer that stands there already. */
  readonly stale: readonly StaleGroup[];
  readonly refused: readonly { readonly index: number; readonly error: DomainError }[];
}

export interface StaleGroup {
  readonly index: number;
  readonly prepared: readonly PreparedStream[];
  readonly blocked: BlockedStream;
}

interface Tip {
  readonly head: StreamHead;
  readonly lastTime: string;
  readonly unit: number;
}

/**
 * Plans one statement for the groups still open, in their order. Groups that continue each other's streams form one
 * unit, which is written together; a group that touches a stream of this round without continuing it waits, as does one
 * that repeats an event id of this round.
 *
 * @param known streams whose head an earlier round has found not to be what somebody expected.
 */
export function planRound(open: ReadonlyMap<number, AppendGroup>, known: StreamMap<BlockedStream>): Round {
  const plan = new RoundPlan(known);
  for (const [index, group] of open) plan.add(index, group);
  return plan.round();
}

class RoundPlan {
  private readonly tips = new StreamMap<Tip>();
  private readonly ids = new StreamMap<true>();
  /** Streams that a waiting group appends to: they may yet come to what a later group expects. */
  private readonly waiting = new StreamMap<true>();
  private readonly units = new Units();
  private readonly chosen: PlannedGroup[] = [];
  private readonly checked: { unit: number; stream: PreparedStream }[] = [];
  /** The number of each stream in `checked`, from 1. */
  private readonly homes = new StreamMap<number>();
  private readonly stale: StaleGroup[] = [];
  private readonly refused: { index: number; error: DomainError }[] = [];

  constructor(private readonly known: StreamMap<BlockedStream>) {}

  add(index: number, group: AppendGroup): void {
    if (group.some((append) => this.waits(append))) return this.wait(group);
    const prepared = this.prepare(index, group);
    if (!prepared) return;
    const blocked = this.blockedBy(prepared);
    if (blocked) this.stale.push({ index, prepared, blocked });
    else if (this.repeatsId(prepared)) this.wait(group);
    else this.choose(index, prepared);
  }

  round(): Round {
    const { stale, refused } = this;
    const planned = this.chosen.map(({ index, unit, prepared }) => ({ index, unit: this.units.root(unit), prepared }));
    const streams = this.checked.map(({ unit, stream }) => checkedStream(this.units.root(unit), stream));
    const events: UnitEvent[] = [];
    for (const { unit, prepared } of planned) {
      for (const stream of prepared) {
        const home = this.homes.get(stream.append.category, stream.append.stream) ?? 0;
        for (const event of stream.events) events.push({ unit, home, prepared: event });
      }
    }
    return { planned, streams, events: events.sort(byStreamAndVersion), stale, refused };
  }

  private waits({ category, stream, expected }: StreamAppend): boolean {
    const tip = this.tips.get(category, stream);
    return (tip !== undefined && !sameHead(tip.head, expected)) || this.waiting.has(category, stream);
  }

  private wait(group: AppendGroup): void {
    for (const { category, stream } of group) this.waiting.set(category, stream, true);
  }

  private prepare(index: number, group: AppendGroup): PreparedStream[] | undefined {
    try {
      const prepared = prepareGroup(group, (category, stream) => this.lastTime(category, stream));
      assertDistinctIds(prepared);
      return prepared;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.refused.push({ index, error });
      return undefined;
    }
  }

  private lastTime(category: Category, stream: string): string | undefined {
    return this.tips.get(category, stream)?.lastTime ?? this.known.get(category, stream)?.lastTime;
  }

  private blockedBy(prepared: readonly PreparedStream[]): BlockedStream | undefined {
    for (const { append } of prepared) {
      if (this.tips.has(append.category, append.stream)) continue;
      const known = this.known.get(append.category, append.stream);
      if (known && !sameHead(known.head, append.expected)) return known;
    }
    return undefined;
  }

  private repeatsId(prepared: readonly PreparedStream[]): boolean {
    return prepared.some(({ events }) => events.some(({ event }) => this.ids.has(event.category, event.id)));
  }

  private choose(index: number, prepared: readonly PreparedStream[]): void {
    const unit = this.units.add();
    for (const stream of prepared) {
      const { append, events, head } = stream;
      const tip = this.tips.get(append.category, append.stream);
      if (tip) this.units.merge(tip.unit, unit);
      else this.homes.set(append.category, append.stream, this.checked.push({ unit, stream }));
      for (const { event } of events) this.ids.set(event.category, event.id, true);
      this.tips.set(append.category, append.stream, { head, lastTime: events.at(-1)?.event.time ?? '', unit });
    }
    this.chosen.push({ index, unit, prepared });
  }
}

const sameHead = (a: StreamHead, b: StreamHead): boolean => a.version === b.version && a.hash === b.hash;

function checkedStream(unit: number, { append, events }: PreparedStream): CheckedStream {
  const { category, stream, expected } = append;
  return { unit, category, stream, expected, firstTime: events[0]?.event.time ?? '' };
}

function byStreamAndVersion({ prepared: { event: a } }: UnitEvent, { prepared: { event: b } }: UnitEvent): number {
  if (a.category !== b.category) return a.category < b.category ? -1 : 1;
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.version - b.version;
}

/** Which groups stand or fall together: a union-find over units. */
class Units {
  private readonly parents: number[] = [];

  add(): number {
    return this.parents.push(this.parents.length) - 1;
  }

  merge(unit: number, into: number): void {
    this.parents[this.root(unit)] = this.root(into);
  }

  root(unit: number): number {
    let root = unit;
    for (let parent = this.parents[root]; parent !== undefined && parent !== root; parent = this.parents[root]) {
      root = parent;
    }
    this.parents[unit] = root;
    return root;
  }
}
