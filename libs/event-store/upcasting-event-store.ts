import type { Category } from '#contracts/envelope';
import { eventContract } from '#contracts/events/index';
import { upcast } from '#contracts/versioned-contract';
import type { AppendGroup, AppendRefusal, AppendResult, EventStore, RecordedEvent, StreamHead } from './port';

type StreamRange = Parameters<EventStore['readStream']>[2];
type ReadOptions = Parameters<EventStore['readAfter']>[1];

/**
 * The store as everything sees it that interprets events: deciders, projections, views. What it reads comes in the
 * versions that this release writes. Version and hash stay those of the stored event, so that appends go on from them;
 * the hash is no longer that of the data, so that proofs, exports and the relay read the store itself.
 *
 * Reading throws DomainError('unknown_schema_version') where a later release has written: this one must not guess.
 *
 * @param contractOf by category and type; for tests with types that the product does not have.
 */
export function upcasting(store: EventStore, contractOf = eventContract): EventStore {
  return new UpcastingEventStore(store, contractOf);
}

class UpcastingEventStore implements EventStore {
  constructor(
    private readonly stored: EventStore,
    private readonly contractOf: typeof eventContract,
  ) {}

  async append(group: AppendGroup): Promise<AppendResult> {
    return this.answer(await this.stored.append(group));
  }

  async appendMany(groups: readonly AppendGroup[]): Promise<(AppendResult | AppendRefusal)[]> {
    return (await this.stored.appendMany(groups)).map((result) => this.answer(result));
  }

  async readStream(category: Category, stream: string, range?: StreamRange): Promise<RecordedEvent[]> {
    return this.upcast(await this.stored.readStream(category, stream, range));
  }

  async readStreams(
    category: Category,
    streams: readonly string[],
    from?: ReadonlyMap<string, number>,
  ): Promise<Map<string, RecordedEvent[]>> {
    const found = await this.stored.readStreams(category, streams, from);
    return new Map([...found].map(([stream, events]) => [stream, this.upcast(events)]));
  }

  heads(category: Category, streams: readonly string[]): Promise<Map<string, StreamHead>> {
    return this.stored.heads(category, streams);
  }

  async readAfter(cursor: string | undefined, options: ReadOptions) {
    const page = await this.stored.readAfter(cursor, options);
    return { ...page, events: this.upcast(page.events) };
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

  /** What stands there already may have been written by an earlier release; what is new is of this one. */
  private answer<Result extends AppendResult | AppendRefusal>(result: Result): Result {
    return result.status === 'duplicate' ? { ...result, events: this.upcast(result.events) } : result;
  }

  private upcast(events: readonly RecordedEvent[]): RecordedEvent[] {
    return events.map((event) => upcast(this.contractOf(event.category, event.type), event));
  }
}
