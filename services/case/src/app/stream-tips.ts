import { type Category, serviceActor } from '#contracts/envelope';
import type { BusMessage } from '#libs/bus';
import {
  type EventStore,
  keepStates,
  loadStates,
  NO_STREAM,
  type Snapshots,
  type StreamAppend,
  type StreamState,
  toNewEvents,
} from '#libs/event-store';
import type { Decider, DomainEvent } from '#libs/kernel';

/** A stream as the messages of one round see it: what stands in the ledger, and what earlier messages want to add. */
export interface Tip<State> extends StreamState<State> {
  /** The messages that have caused an event of it, where `tracksCauses`. */
  readonly causes: ReadonlySet<string>;
}

export interface StreamTipsOptions<State> {
  readonly snapshots?: Snapshots;
  readonly cache?: TipCache<State>;
  /** For a decider without snapshots alone: what is not read has no causes. */
  readonly tracksCauses?: true;
}

/** What `stage` writes into the envelopes. */
export interface Cause {
  readonly message: BusMessage;
  readonly time: Date;
}

/**
 * The tips of one category's streams over one round of decisions. Every message of the round sees what those before it
 * have decided, so that one batch needs one read and one append, however many of its messages meet on a stream.
 */
export class StreamTips<State, Command, Event extends DomainEvent> {
  private readonly tips = new Map<string, Tip<State>>();
  private generation: string | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly category: Category,
    private readonly decider: Decider<State, Command, Event>,
    private readonly options: StreamTipsOptions<State> = {},
  ) {}

  /** @param again the last round has lost: a stream that reads as empty may have been archived, and goes on from there. */
  async load(streams: Iterable<string>, again = false): Promise<void> {
    const { cache, snapshots, tracksCauses } = this.options;
    const wanted = [...new Set(streams)];
    const causes = new Map<string, Set<string>>(wanted.map((stream) => [stream, new Set()]));
    const { states, generation } = await loadStates(this.store, this.decider, {
      category: this.category,
      streams: wanted,
      snapshots,
      again,
      known: cache?.of(wanted),
      onEvent: ({ stream, meta: { causationId } }) => {
        if (tracksCauses && causationId !== undefined) causes.get(stream)?.add(causationId);
      },
    });
    this.generation = generation;
    for (const [stream, state] of states) {
      this.tips.set(stream, { ...state, causes: causes.get(stream) ?? new Set() });
    }
  }

  knows(stream: string): boolean {
    return this.tips.has(stream);
  }

  /** As it stands after everything staged; a stream that was not loaded does not exist. */
  tip(stream: string): Tip<State> {
    return this.tips.get(stream) ?? this.beginning();
  }

  /** The append of `events` on the tip, which moves on to what the append leaves. */
  stage(stream: string, events: readonly Event[], { message, time }: Cause, causationId: string): StreamAppend {
    const tip = this.tip(stream);
    const at = time.toISOString() < tip.lastTime ? new Date(tip.lastTime) : time;
    const meta = {
      correlationId: message.correlationId,
      causationId,
      ...(message.traceparent !== undefined && { traceparent: message.traceparent }),
    };
    const envelope = { category: this.category, stream, actor: serviceActor('case'), meta, time: at };
    const append = {
      category: this.category,
      stream,
      tenant: message.tenant,
      expected: tip.head,
      events: toNewEvents(events, envelope),
    };
    this.tips.set(stream, {
      ...tip,
      head: this.store.headAfter(append),
      lastTime: at.toISOString(),
      state: events.reduce((state, event) => this.decider.evolve(state, event), tip.state),
      causes: this.options.tracksCauses ? new Set([...tip.causes, causationId]) : tip.causes,
    });
    return append;
  }

  /** Lets later messages see what `events` will make of `state`, before they are staged. */
  foresee(stream: string, state: State, events: readonly Event[]): void {
    const foreseen = events.reduce((before, event) => this.decider.evolve(before, event), state);
    this.tips.set(stream, { ...this.tip(stream), state: foreseen });
  }

  /** Remembers the tips of streams for later rounds, once everything staged on them has been written. */
  async remember(streams: Iterable<string>): Promise<void> {
    const { cache, snapshots } = this.options;
    const written = new Map<string, StreamState<State>>();
    for (const stream of streams) {
      const { causes: _, ...state } = this.tip(stream);
      if (state.head.version > 0) written.set(stream, state);
    }
    cache?.add(await keepStates(this.decider, this.category, written, snapshots));
  }

  private beginning(): Tip<State> {
    const state = this.decider.initialState();
    return { state, head: NO_STREAM, lastTime: '', keptAt: 0, generation: this.generation, causes: new Set() };
  }
}

/** The states that were used last: a storm brings thousands of alerts to one case, which need not be read again for each batch. */
export class TipCache<State> {
  private readonly states = new Map<string, StreamState<State>>();

  constructor(private readonly capacity: number) {}

  of(streams: readonly string[]): Map<string, StreamState<State>> {
    const found = new Map<string, StreamState<State>>();
    for (const stream of streams) {
      const state = this.states.get(stream);
      if (state) found.set(stream, state);
    }
    return found;
  }

  add(states: ReadonlyMap<string, StreamState<State>>): void {
    for (const [stream, state] of states) {
      this.states.delete(stream);
      this.states.set(stream, state);
      const oldest = this.states.keys().next();
      if (this.states.size > this.capacity && !oldest.done) this.states.delete(oldest.value);
    }
  }
}
