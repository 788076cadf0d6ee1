import { type Category, serviceActor } from '#contracts/envelope';
import type { BusMessage } from '#libs/bus';
import {
  type EventStore,
  headAfter,
  headBehind,
  NO_STREAM,
  type RecordedEvent,
  type StreamAppend,
  type StreamHead,
  toNewEvents,
} from '#libs/event-store';
import type { Decider, DomainEvent } from '#libs/kernel';

/** A stream as the messages of one round see it: what stands in the ledger, and what earlier messages want to add. */
export interface Tip<State> {
  readonly head: StreamHead;
  /** Of the last event; a later one must not lie before it. */
  readonly lastTime: string;
  readonly state: State;
  /** The messages that have caused an event of it, where `tracksCauses`. */
  readonly causes: ReadonlySet<string>;
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

  constructor(
    private readonly store: EventStore,
    private readonly category: Category,
    private readonly decider: Decider<State, Command, Event>,
    private readonly options: { readonly cache?: TipCache<State>; readonly tracksCauses?: true } = {},
  ) {}

  /** @param again the last round has lost: a stream that reads as empty may have been archived, and goes on from there. */
  async load(streams: Iterable<string>, again = false): Promise<void> {
    const wanted = [...new Set(streams)];
    const missing: string[] = [];
    const heads = this.options.cache && wanted.length > 0 ? await this.store.heads(this.category, wanted) : undefined;
    for (const stream of wanted) {
      const cached = this.options.cache?.get(stream);
      const head = heads?.get(stream) ?? NO_STREAM;
      if (!cached || cached.head.version > head.version) missing.push(stream);
      else if (cached.head.hash === head.hash) this.tips.set(stream, cached);
      else {
        const news = await this.store.readStream(this.category, stream, { from: cached.head.version + 1 });
        this.tips.set(stream, this.after(news, cached));
      }
    }
    if (missing.length === 0) return;
    for (const [stream, history] of await this.store.readStreams(this.category, missing)) {
      const tip = this.after(history, this.beginning());
      const head = again ? await headBehind(this.store, this.category, stream, history) : tip.head;
      this.tips.set(stream, { ...tip, head });
    }
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
      head: headAfter(append),
      lastTime: at.toISOString(),
      state: events.reduce((state, event) => this.decider.evolve(state, event), tip.state),
      causes: this.options.tracksCauses ? new Set([...tip.causes, causationId]) : tip.causes,
    });
    return append;
  }

  /** Remembers the tip of a stream for later rounds, once everything staged on it has been written. */
  remember(stream: string): void {
    const tip = this.tips.get(stream);
    if (tip && tip.head.version > 0) this.options.cache?.set(stream, tip);
  }

  private beginning(): Tip<State> {
    return { head: NO_STREAM, lastTime: '', state: this.decider.initialState(), causes: new Set() };
  }

  private after(history: readonly RecordedEvent[], from: Tip<State>): Tip<State> {
    const last = history.at(-1);
    if (!last) return from;
    const causes = new Set(from.causes);
    let { state } = from;
    for (const { type, data, meta } of history) {
      // The ledger holds only what this service has written to its categories, by their contracts.
      state = this.decider.evolve(state, { type, data } as unknown as Event);
      if (this.options.tracksCauses && meta.causationId !== undefined) causes.add(meta.causationId);
    }
    return { head: { version: last.version, hash: last.hash }, lastTime: last.time, state, causes };
  }
}

/** The tips that were used last: a storm brings thousands of alerts to one case, which need not be read again for each batch. */
export class TipCache<State> {
  private readonly tips = new Map<string, Tip<State>>();

  constructor(private readonly capacity: number) {}

  get(stream: string): Tip<State> | undefined {
    return this.tips.get(stream);
  }

  set(stream: string, tip: Tip<State>): void {
    this.tips.delete(stream);
    this.tips.set(stream, tip);
    const oldest = this.tips.keys().next();
    if (this.tips.size > this.capacity && !oldest.done) this.tips.delete(oldest.value);
  }
}
