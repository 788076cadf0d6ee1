import { DomainError } from '#libs/kernel';
import type { BlockedStream, CheckedStream, UnitEvent } from './append-statement';
import { assertDistinctIds } from './earlier-answer';
import type { AppendGroup, StreamHead } from './port';
import { type PreparedStream, prepareGroup, streamKey, type TimeFloors } from './prepared-group';

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
export function planRound(open: ReadonlyMap<number, AppendGroup>, known: ReadonlyMap<string, BlockedStream>): Round {
  const tips = new Map<string, Tip>();
  const waiting = new Set<string>();
  const ids = new Set<string>();
  const units = new Units();
  const chosen: { index: number; unit: number; prepared: PreparedStream[]; first: PreparedStream[] }[] = [];
  const stale: StaleGroup[] = [];
  const refused: { index: number; error: DomainError }[] = [];

  for (const [index, group] of open) {
    const keys = group.map(({ category, stream }) => streamKey(category, stream));
    if (group.some((append, at) => waits(append.expected, keys[at] ?? '', tips, waiting))) {
      for (const key of keys) waiting.add(key);
      continue;
    }
    let prepared: PreparedStream[];
    try {
      prepared = prepareGroup(group, floorsOf(group, tips, known));
      assertDistinctIds(prepared);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      refused.push({ index, error });
      continue;
    }
    const first = prepared.filter(({ append }) => !tips.has(streamKey(append.category, append.stream)));
    const blocked = first.map(({ append }) =>
      staleHead(append.expected, known.get(streamKey(append.category, append.stream))),
    );
    const found = blocked.find((head) => head !== undefined);
    if (found) {
      stale.push({ index, prepared, blocked: found });
      continue;
    }
    const newIds = prepared.flatMap(({ append, events }) =>
      events.map(({ event }) => streamKey(append.category, event.id)),
    );
    if (newIds.some((id) => ids.has(id))) {
      for (const key of keys) waiting.add(key);
      continue;
    }
    for (const id of newIds) ids.add(id);
    const unit = units.join(prepared.map(({ append }) => tips.get(streamKey(append.category, append.stream))?.unit));
    for (const { append, events, head } of prepared) {
      tips.set(streamKey(append.category, append.stream), { head, lastTime: events.at(-1)?.event.time ?? '', unit });
    }
    chosen.push({ index, unit, prepared, first });
  }

  const planned = chosen.map(({ index, unit, prepared }) => ({ index, unit: units.root(unit), prepared }));
  const streams = chosen.flatMap(({ unit, first }) => first.map((stream) => checkedStream(units.root(unit), stream)));
  const events = planned
    .flatMap(({ unit, prepared }) =>
      prepared.flatMap((stream) => stream.events.map((event) => ({ unit, prepared: event }))),
    )
    .sort(byStreamAndVersion);
  return { planned, streams, events, stale, refused };
}

/** A stream that a waiting group appends to may yet come to what this one expects. */
function waits(
  expected: StreamHead,
  key: string,
  tips: ReadonlyMap<string, Tip>,
  waiting: ReadonlySet<string>,
): boolean {
  const tip = tips.get(key);
  return waiting.has(key) || (tip !== undefined && !sameHead(tip.head, expected));
}

const sameHead = (a: StreamHead, b: StreamHead): boolean => a.version === b.version && a.hash === b.hash;

function staleHead(expected: StreamHead, known: BlockedStream | undefined): BlockedStream | undefined {
  return known && !sameHead(known.head, expected) ? known : undefined;
}

function floorsOf(
  group: AppendGroup,
  tips: ReadonlyMap<string, Tip>,
  known: ReadonlyMap<string, BlockedStream>,
): TimeFloors | undefined {
  if (tips.size === 0 && known.size === 0) return undefined;
  return new Map(
    group.map(({ category, stream }) => {
      const key = streamKey(category, stream);
      return [key, tips.get(key)?.lastTime ?? known.get(key)?.lastTime ?? ''];
    }),
  );
}

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

  /** A new unit, merged with those that it continues. */
  join(continued: readonly (number | undefined)[]): number {
    const unit = this.parents.length;
    this.parents.push(unit);
    for (const other of continued) if (other !== undefined) this.parents[this.root(other)] = unit;
    return unit;
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
