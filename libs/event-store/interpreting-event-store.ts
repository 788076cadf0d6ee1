import type { Category } from '#contracts/envelope';
import { eventContract } from '#contracts/events/index';
import { upcast } from '#contracts/versioned-contract';
import { DomainError } from '#libs/kernel';
import type {
  AppendGroup,
  AppendRefusal,
  AppendResult,
  EventStore,
  NewEvent,
  RecordedEvent,
  StreamAppend,
  StreamHead,
} from './port';

type StreamRange = Parameters<EventStore['readStream']>[2];
type ReadOptions = Parameters<EventStore['readAfter']>[1];

/** How events are stored, for those who see them otherwise. */
export interface EventCodec {
  /** @throws DomainError for an event that cannot be stored: it is then refused, as by the store itself. */
  toStored(event: NewEvent & Pick<StreamAppend, 'category' | 'stream' | 'tenant'>): NewEvent;
  fromStored(event: RecordedEvent): RecordedEvent;
}

/**
 * The store as everything sees it that interprets events: deciders, projections, views. Version and hash stay those of
 * the stored event, so that appends go on from them; the hash is not that of the data as it is seen, so that proofs,
 * exports and the relay read the store itself.
 */
export function interpreting(store: EventStore, codec: EventCodec): EventStore {
  return new InterpretingEventStore(store, codec);
}

/**
 * With events in the versions that this release writes.
 *
 * Reading throws DomainError('unknown_schema_version') where a later release has written: this one must not guess.
 *
 * @param contractOf by category and type; for tests with types that the product does not have.
 */
export function upcasting(store: EventStore, contractOf = eventContract): EventStore {
  return interpreting(store, {
    toStored: (event) => event,
    fromStored: (event) => upcast(contractOf(event.category, event.type), event),
  });
}

class InterpretingEventStore implements EventStore {
  /** What was made of an append for `headAfter` is what is written: to seal it again would give another hash. */
  private readonly made = new WeakMap<StreamAppend, StreamAppend>();

  constructor(
    private readonly stored: EventStore,
    private readonly codec: EventCodec,
  ) {}

  async append(group: AppendGroup): Promise<AppendResult> {
    return this.answer(await this.stored.append(this.groupToStored(group)), group);
  }

  async appendMany(groups: readonly AppendGroup[]): Promise<(AppendResult | AppendRefusal)[]> {
    const errors = new Map<number, DomainError>();
    const sound = [...groups.entries()].flatMap(([index, group]) => {
      try {
        return [{ group, stored: this.groupToStored(group) }];
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        errors.set(index, error);
        return [];
      }
    });
    const results = await this.stored.appendMany(sound.map(({ stored }) => stored));
    let next = 0;
    return groups.map((group, index): AppendResult | AppendRefusal => {
      const error = errors.get(index);
      if (error) return { status: 'refused', error };
      const result = results[next++];
      if (!result) throw new DomainError('internal', 'an append had no result');
      return this.answer(result, group);
    });
  }

  headAfter(append: StreamAppend): StreamHead {
    return this.stored.headAfter(this.toStored(append));
  }

  async readStream(category: Category, stream: string, range?: StreamRange): Promise<RecordedEvent[]> {
    return this.fromStored(await this.stored.readStream(category, stream, range));
  }

  async readStreams(
    category: Category,
    streams: readonly string[],
    from?: ReadonlyMap<string, number>,
  ): Promise<Map<string, RecordedEvent[]>> {
    const found = await this.stored.readStreams(category, streams, from);
    return new Map([...found].map(([stream, events]) => [stream, this.fromStored(events)]));
  }

  heads(category: Category, streams: readonly string[]): Promise<Map<string, StreamHead>> {
    return this.stored.heads(category, streams);
  }

  async readAfter(cursor: string | undefined, options: ReadOptions) {
    const page = await this.stored.readAfter(cursor, options);
    return { ...page, events: this.fromStored(page.events) };
  }

  end() {
    return this.stored.end();
  }

  visibilityLag() {
    return this.stored.visibilityLag();
  }

  onAppended(listener: (categories: readonly Category[]) => void): () => void {
    return this.stored.onAppended(listener);
  }

  close(): Promise<void> {
    return this.stored.close();
  }

  private groupToStored(group: AppendGroup): AppendGroup {
    return group.map((append) => this.toStored(append));
  }

  private toStored(append: StreamAppend): StreamAppend {
    const before = this.made.get(append);
    if (before) return before;
    const { category, stream, tenant } = append;
    const events = append.events.map((event, index) => {
      try {
        return this.codec.toStored({ ...event, category, stream, tenant });
      } catch (error) {
        throw error instanceof DomainError ? within(`events[${index}]`, error) : error;
      }
    });
    const stored = { ...append, events };
    this.made.set(append, stored);
    return stored;
  }

  /** What was written now is known as it was given; what stands there already was written by somebody. */
  private answer<Result extends AppendResult | AppendRefusal>(result: Result, group: AppendGroup): Result {
    if (result.status === 'duplicate') return { ...result, events: this.fromStored(result.events) };
    if (result.status !== 'appended') return result;
    const given = group.flatMap(({ events }) => events);
    const events = result.events.map((event, index) => {
      const { actor, data } = given[index] ?? event;
      return { ...event, actor, data };
    });
    return { ...result, events };
  }

  private fromStored(events: readonly RecordedEvent[]): RecordedEvent[] {
    return events.map((event) => this.codec.fromStored(event));
  }
}

const within = (path: string, { code, field, reason, cause }: DomainError): DomainError =>
  new DomainError(code, { field: field === undefined ? path : `${path}.${field}`, reason, cause });
