import { type Decider, type DomainEvent, DomainError } from '#libs/kernel';
import { type CommandContext, type Executed, MAX_ATTEMPTS, toNewEvents, tooManyConflicts } from './execute';
import { loadStates, type StatesToLoad } from './load-states';
import type { AppendRefusal, AppendResult, EventStore, RecordedEvent, StreamAppend, StreamHead } from './port';
import type { Snapshots } from './snapshots';
import { StreamMap } from './stream-map';

export interface CommandRequest<Command> {
  readonly context: CommandContext;
  readonly command: Command;
}

export type ExecutedOrRefused<State> =
  | ({ readonly status: 'done' } & Executed<State>)
  /** What `decide` threw, or what the store refused; the other commands are not touched. */
  | { readonly status: 'refused'; readonly error: DomainError };

/** A stream as the commands of one round see it: what stands in the ledger, and what earlier commands want to add. */
interface Tip<State> {
  state: State;
  head: StreamHead;
  lastTime: string;
}

interface Decision<State> {
  readonly index: number;
  /** Of its stream; what breaks one decision of a round breaks those after it. */
  readonly tip: Tip<State>;
  readonly state: State;
  readonly append?: StreamAppend;
  readonly error?: DomainError;
}

/**
 * Many commands, for a reaction that handles a batch: all streams in one read, all appends in one statement. Commands
 * on the same stream are decided in their order, each on the state that the one before leaves. Only what lost a race is
 * loaded and decided again. The results stand in the order of the requests.
 *
 * @param snapshots where states are kept of a decider that declares it.
 * @throws DomainError('database_unavailable'): call again, ids make it safe.
 */
export async function executeAll<State, Command, Event extends DomainEvent>(
  store: EventStore,
  decider: Decider<State, Command, Event>,
  requests: readonly CommandRequest<Command>[],
  snapshots?: Snapshots,
): Promise<ExecutedOrRefused<State>[]> {
  const results = new Map<number, ExecutedOrRefused<State>>();
  const earlier = new Map<number, readonly RecordedEvent[]>();
  const lost = new Map<number, number>();
  while (results.size < requests.length) {
    const open = [...requests.entries()].filter(([index]) => !results.has(index));
    const tips = await loadTips(store, decider, open, { snapshots, again: lost.size > 0 });
    const decisions: Decision<State>[] = [];
    for (const [index, request] of open) {
      const tip = tips.get(request.context.category, request.context.stream);
      if (!tip) throw new DomainError('internal', `stream ${request.context.stream} was not loaded`);
      const answered = earlier.get(index);
      if (answered) results.set(index, { status: 'done', state: tip.state, events: answered });
      else decisions.push(decide({ store, decider }, index, request, tip));
    }
    await settle(store, decisions, { results, earlier, lost });
  }
  return requests.map(
    (_, index) => results.get(index) ?? refusal(new DomainError('internal', 'a command had no result')),
  );
}

async function loadTips<State, Command, Event extends DomainEvent>(
  store: EventStore,
  decider: Decider<State, Command, Event>,
  open: readonly (readonly [number, CommandRequest<Command>])[],
  how: Pick<StatesToLoad<State>, 'snapshots' | 'again'>,
): Promise<StreamMap<Tip<State>>> {
  const tips = new StreamMap<Tip<State>>();
  for (const category of new Set(open.map(([, { context }]) => context.category))) {
    const streams = new Set(open.flatMap(([, { context }]) => (context.category === category ? [context.stream] : [])));
    const { states } = await loadStates(store, decider, { category, streams: [...streams], ...how });
    for (const [stream, state] of states) tips.set(category, stream, { ...state });
  }
  return tips;
}

function decide<State, Command, Event extends DomainEvent>(
  { store, decider }: { store: EventStore; decider: Decider<State, Command, Event> },
  index: number,
  { context, command }: CommandRequest<Command>,
  tip: Tip<State>,
): Decision<State> {
  const { category, stream, tenant } = context;
  try {
    const decided = decider.decide(command, tip.state);
    if (decided.length === 0) return { index, tip, state: tip.state };
    // The store would raise it too, but then the head that the next command expects would be another.
    const time = context.time.toISOString() < tip.lastTime ? new Date(tip.lastTime) : context.time;
    const append = { category, stream, tenant, expected: tip.head, events: toNewEvents(decided, { ...context, time }) };
    tip.head = store.headAfter(append);
    tip.lastTime = time.toISOString();
    for (const event of decided) tip.state = decider.evolve(tip.state, event);
    return { index, tip, state: tip.state, append };
  } catch (error) {
    if (error instanceof DomainError) return { index, tip, state: tip.state, error };
    throw error;
  }
}

/** Appends the round, and keeps the answers that nothing before them on their stream has made void. */
async function settle<State>(
  store: EventStore,
  decisions: readonly Decision<State>[],
  {
    results,
    earlier,
    lost,
  }: {
    results: Map<number, ExecutedOrRefused<State>>;
    earlier: Map<number, readonly RecordedEvent[]>;
    lost: Map<number, number>;
  },
): Promise<void> {
  const groups = decisions.flatMap(({ append }) => (append ? [[append]] : []));
  const appended = groups.length > 0 ? await store.appendMany(groups) : [];
  const broken = new Set<Tip<State>>();
  let next = 0;
  for (const { index, tip, state, append, error } of decisions) {
    const result: AppendResult | AppendRefusal | undefined = append && appended[next];
    if (append) next += 1;
    if (broken.has(tip) && result?.status !== 'duplicate') continue;
    if (error) results.set(index, refusal(error));
    else if (!result) results.set(index, { status: 'done', state, events: [] });
    else if (result.status === 'appended') results.set(index, { status: 'done', state, events: result.events });
    else {
      broken.add(tip);
      if (result.status === 'refused') results.set(index, refusal(result.error));
      if (result.status === 'duplicate') earlier.set(index, result.events);
      if (result.status === 'conflict') {
        const times = (lost.get(index) ?? 0) + 1;
        lost.set(index, times);
        if (times >= MAX_ATTEMPTS) results.set(index, refusal(tooManyConflicts(result.stream)));
      }
    }
  }
}

const refusal = (error: DomainError) => ({ status: 'refused', error }) as const;
