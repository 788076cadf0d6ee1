import { eventContract } from '#contracts/events/index';
import type { Actor, Category, EventMeta } from '#contracts/envelope';
import { type Decider, type DomainEvent, DomainError, eventId, fold, type JsonObject, newId } from '#libs/kernel';
import { evolveRecorded, loadStates, type StreamState } from './load-states';
import { type EventStore, type NewEvent, NO_STREAM, type RecordedEvent, type StreamHead } from './port';
import type { Snapshots } from './snapshots';

/** Where a command goes, and what its events say about who, why and when. */
export interface CommandContext {
  readonly category: Category;
  readonly stream: string;
  readonly tenant: string;
  readonly actor: Actor;
  readonly meta: EventMeta;
  /** When it is decided: from the clock, at the edge. */
  readonly time: Date;
  /** Of the first event's id. A second command that the same message causes on the same stream needs another one. */
  readonly firstOrdinal?: number;
}

export interface Executed<State> {
  readonly state: State;
  /** What the command led to; from an earlier delivery of the same message when it was handled already. */
  readonly events: readonly RecordedEvent[];
}

/** Each attempt loses only to somebody who has appended meanwhile, so that many in a row mean a stream that is too hot. */
export const MAX_ATTEMPTS = 25;

/**
 * Loads the stream, decides, appends; decides again on what stands there when somebody else was first. The ids of the
 * events derive from `meta.causationId` where there is one (invariant 7), so that a redelivered message gets its first
 * answer again.
 *
 * @param snapshots where states are kept of a decider that declares it.
 * @throws what `decider.decide` throws, and DomainError('stream_conflict') after MAX_ATTEMPTS lost races.
 */
export async function execute<State, Command, Event extends DomainEvent>(
  store: EventStore,
  decider: Decider<State, Command, Event>,
  context: CommandContext,
  command: Command,
  snapshots?: Snapshots,
): Promise<Executed<State>> {
  const { category, stream, tenant } = context;
  const load = async (again: boolean): Promise<StreamState<State>> => {
    const { states } = await loadStates(store, decider, { category, streams: [stream], snapshots, again });
    const loaded = states.get(stream);
    if (!loaded) throw new DomainError('internal', `stream ${stream} was not loaded`);
    return loaded;
  };
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const { state, head } = await load(attempt > 1);
    const decided = decider.decide(command, state);
    if (decided.length === 0) return { state, events: [] };
    const events = toNewEvents(decided, context);
    const result = await store.append([{ category, stream, tenant, expected: head, events }]);
    if (result.status === 'appended') return { state: fold(decider, decided, state), events: result.events };
    if (result.status === 'duplicate') return { state: (await load(false)).state, events: result.events };
  }
  throw tooManyConflicts(stream);
}

export function foldRecorded<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  history: readonly RecordedEvent[],
): State {
  return history.reduce((state, event) => evolveRecorded(decider, state, event), decider.initialState());
}

export function headOf(history: readonly RecordedEvent[]): StreamHead {
  const last = history.at(-1);
  return last ? { version: last.version, hash: last.hash } : NO_STREAM;
}

/**
 * The events that a decision led to, in their envelopes.
 * @throws DomainError('unknown_event_type') for a type that the category's contract does not have.
 */
export function toNewEvents(decided: readonly DomainEvent[], context: Omit<CommandContext, 'tenant'>): NewEvent[] {
  const { category, stream, actor, meta, time, firstOrdinal = 0 } = context;
  return decided.map(({ type, data }, index) => {
    const contract = eventContract(category, type);
    if (!contract) {
      throw new DomainError('unknown_event_type', {
        field: 'type',
        reason: `${type} is not an event of category ${category}`,
      });
    }
    return {
      id: meta.causationId === undefined ? newId() : eventId(stream, meta.causationId, firstOrdinal + index),
      type,
      schemaVersion: contract.version,
      time: time.toISOString(),
      actor,
      data: data as JsonObject,
      meta,
    };
  });
}

export function tooManyConflicts(stream: string): DomainError {
  return new DomainError('stream_conflict', {
    reason: `${stream} was changed by others ${MAX_ATTEMPTS} times in a row; try again`,
  });
}
