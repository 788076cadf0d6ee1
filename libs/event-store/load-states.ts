import type { Category } from '#contracts/envelope';
import type { Decider, DomainEvent } from '#libs/kernel';
import { type EventStore, NO_STREAM, type RecordedEvent, type StreamHead } from './port';
import type { Snapshot, SnapshotKind, Snapshots } from './snapshots';

/** A stream as a decision finds it. */
export interface StreamState<State> {
  readonly state: State;
  readonly head: StreamHead;
  /** Of the last event; a later one must not lie before it. Empty without one. */
  readonly lastTime: string;
  /** The last version that is known to be kept as a snapshot; 0 for none. */
  readonly keptAt: number;
  /** Of the snapshots, when this was loaded. */
  readonly generation?: string;
}

export interface LoadedStates<State> {
  /** Of every stream that was asked for. */
  readonly states: Map<string, StreamState<State>>;
  /** Of the snapshots, for what the caller makes of streams that do not exist yet. */
  readonly generation: string | undefined;
}

export interface StatesToLoad<State> {
  readonly category: Category;
  readonly streams: readonly string[];
  readonly snapshots?: Snapshots;
  /** States that the caller still has, in memory: better than any snapshot. */
  readonly known?: ReadonlyMap<string, StreamState<State>>;
  /** The last round has lost: a stream that reads as empty may have been archived, and goes on from there. */
  readonly again?: boolean;
  /** Is shown every event that is read: all of them, where the decider's states are not kept and none is known. */
  readonly onEvent?: (event: RecordedEvent) => void;
}

/**
 * The states of many streams: each from a known state or a snapshot, if that is of its stream, and the events after it,
 * which are read in one statement for all of them. What took many events is kept as a snapshot for the next time.
 */
export async function loadStates<State, Command, Event extends DomainEvent>(
  store: EventStore,
  decider: Decider<State, Command, Event>,
  wanted: StatesToLoad<State>,
): Promise<LoadedStates<State>> {
  const { category, streams, snapshots, again, onEvent } = wanted;
  const { beginning, bases, states } = await whereToBegin(store, decider, wanted);
  const open = streams.filter((stream) => !states.has(stream));
  const from = new Map([...bases].map(([stream, { head }]) => [stream, head.version]));
  const wrong = new Map<string, StreamHead>();
  for (const [stream, events] of await store.readStreams(category, open, from)) {
    const base = bases.get(stream) ?? beginning;
    if (continues(base.head, events)) states.set(stream, foldOnto(decider, base, events, onEvent));
    else wrong.set(stream, base.head);
  }
  if (wrong.size > 0) {
    if (decider.snapshots) await snapshots?.discard({ category, ...decider.snapshots }, wrong);
    for (const [stream, events] of await store.readStreams(category, [...wrong.keys()])) {
      states.set(stream, foldOnto(decider, beginning, events, onEvent));
    }
  }
  const kept = await keepStates(decider, category, states, snapshots);
  if (again === true) await goOnFromArchived(store, category, kept);
  return { states: kept, generation: beginning.generation };
}

/** That a stream was archived is rare: who appends finds out by a conflict, instead of asking for every new stream. */
async function goOnFromArchived<State>(
  store: EventStore,
  category: Category,
  states: Map<string, StreamState<State>>,
): Promise<void> {
  const empty = [...states].flatMap(([stream, { head }]) => (head.version === 0 ? [stream] : []));
  for (const [stream, head] of await store.heads(category, empty)) {
    const state = states.get(stream);
    if (state) states.set(stream, { ...state, head });
  }
}

/** `states`: those that are known already, up to the end of their streams. `bases`: what others can be folded from. */
async function whereToBegin<State, Command, Event extends DomainEvent>(
  store: EventStore,
  decider: Decider<State, Command, Event>,
  { category, streams, snapshots, known }: StatesToLoad<State>,
) {
  const inMemory = streams.flatMap((stream) => {
    const state = known?.get(stream);
    return state ? [[stream, state] as const] : [];
  });
  const unknown = streams.filter((stream) => known?.has(stream) !== true);
  const [loaded, heads] = await Promise.all([
    decider.snapshots && snapshots?.load({ category, ...decider.snapshots }, unknown),
    store.heads(
      category,
      inMemory.map(([stream]) => stream),
    ),
  ]);
  const generation = loaded?.generation;
  const beginning: StreamState<State> = {
    ...{ state: decider.initialState(), head: NO_STREAM, lastTime: '', keptAt: 0 },
    generation,
  };
  const [bases, states] = [new Map<string, StreamState<State>>(), new Map<string, StreamState<State>>()];
  for (const [stream, one] of inMemory) {
    // What was folded before everything was dropped may say what has been erased since.
    if (one.generation === generation) {
      (one.head.hash === heads.get(stream)?.hash ? states : bases).set(stream, one);
    }
  }
  for (const [stream, { version, hash, state }] of loaded?.byStream ?? []) {
    // This version of this decider has made it, or it would not have been loaded.
    bases.set(stream, { ...beginning, state: state as State, head: { version, hash }, keptAt: version });
  }
  return { beginning, bases, states };
}

/**
 * Keeps the states of those streams that have grown by enough since they were kept last.
 * @returns the same states, which know of it.
 */
export async function keepStates<State>(
  { snapshots: kept }: Pick<Decider<State, never, never>, 'snapshots'>,
  category: Category,
  states: Map<string, StreamState<State>>,
  snapshots: Snapshots | undefined,
): Promise<Map<string, StreamState<State>>> {
  if (!kept || !snapshots) return states;
  const kind: SnapshotKind = { category, ...kept };
  const due = new Map<string, Map<string, Snapshot>>();
  for (const [stream, one] of states) {
    const { state, head, keptAt, generation } = one;
    if (generation === undefined || head.version - keptAt < snapshots.every) continue;
    const ofGeneration = due.get(generation) ?? new Map<string, Snapshot>();
    due.set(generation, ofGeneration.set(stream, { ...head, state }));
    states.set(stream, { ...one, keptAt: head.version });
  }
  for (const [generation, ofGeneration] of due) await snapshots.save(kind, generation, ofGeneration);
  return states;
}

/** Whether the events, read from the version of `head` on, are those of the stream that it was the head of. */
function continues(head: StreamHead, [first]: readonly RecordedEvent[]): boolean {
  return head.version === 0 || (first?.version === head.version && first.hash === head.hash);
}

function foldOnto<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  base: StreamState<State>,
  events: readonly RecordedEvent[],
  onEvent: (event: RecordedEvent) => void = () => undefined,
): StreamState<State> {
  let { state } = base;
  for (const event of events) {
    onEvent(event);
    if (event.version > base.head.version) state = evolveRecorded(decider, state, event);
  }
  const last = events.at(-1);
  return last
    ? { ...base, state, head: { version: last.version, hash: last.hash }, lastTime: last.time }
    : { ...base, state };
}

export function evolveRecorded<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  state: State,
  { type, data }: RecordedEvent,
): State {
  // The ledger holds only what this decider's service has written to the category, by the category's contract.
  return decider.evolve(state, { type, data } as unknown as Event);
}
