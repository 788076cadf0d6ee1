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
