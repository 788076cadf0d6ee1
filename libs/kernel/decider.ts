/** An event as the domain sees it: what happened, without the envelope that the event store adds. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/**
 * The whole idea of a domain: three pure functions. Time and ids arrive inside the command, never from the outside,
 * so that given/when/then tests, dry runs, backtests and replay are the same thing.
 */
export interface Decider<State, Command, Event extends DomainEvent> {
  /** What happens when `command` meets `state`; no events when there is nothing to do. Throws DomainError. */
  readonly decide: (command: Command, state: State) => Event[];
  readonly evolve: (state: State, event: Event) => State;
  readonly initialState: () => State;
  /** For streams that grow long: their states may be kept beside the ledger. Absent, every event is folded each time. */
  readonly snapshots?: KeptState;
}

/** How the state of a decider is kept. It has to survive JSON as it is: no Map, Set, Date, bigint or NaN in it. */
export interface KeptState {
  /** Of the decider, unique among those on its category. */
  readonly name: string;
  /** To be raised with every change that lets `evolve` make another state of the same events: what is kept is then ignored. */
  readonly stateVersion: number;
}

/** The state after `events`, from the initial one or from `from`. */
export function fold<State, Event extends DomainEvent>(
  decider: Pick<Decider<State, never, Event>, 'evolve' | 'initialState'>,
  events: Iterable<Event>,
  from: State = decider.initialState(),
): State {
  let state = from;
  for (const event of events) state = decider.evolve(state, event);
  return state;
}
