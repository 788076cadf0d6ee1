import type { Category } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { cursorAt, cursorPoint } from './cursor';
import { assertDistinctIds, earlierAnswer, eventIdTaken } from './earlier-answer';
import type {
  AppendGroup,
  AppendRefusal,
  AppendResult,
  EventStore,
  RecordedEvent,
  StreamAppend,
  StreamHead,
} from './port';
import { NO_STREAM } from './port';
import { headAfter, type PreparedStream, prepareGroup } from './prepared-group';
import { StreamMap } from './stream-map';

/** The event store in memory, for unit tests: the same rules as PostgreSQL's, which the conformance suite holds it to. */
export function createMemoryEventStore(): EventStore {
  return new MemoryEventStore();
}

class MemoryEventStore implements EventStore {
  private readonly log: RecordedEvent[] = [];
  private readonly streams = new StreamMap<RecordedEvent[]>();
  private readonly byId = new StreamMap<RecordedEvent>();
  private readonly listeners = new Set<(categories: readonly Category[]) => void>();
  private tx = 0;

  async append(group: AppendGroup): Promise<AppendResult> {
    const [result] = await this.appendMany([group]);
    if (result?.status === 'refused') throw result.error;
    if (!result) throw new DomainError('internal', 'an append had no result');
    return result;
  }

  async appendMany(groups: readonly AppendGroup[]): Promise<(AppendResult | AppendRefusal)[]> {
    this.tx += 1;
    const results = groups.map((group) => this.appendGroup(group));
    const written = results.flatMap((result) => (result.status === 'appended' ? result.events : []));
    if (written.length > 0) {
      const categories = [...new Set(written.map((event) => event.category))];
      for (const listener of this.listeners) listener(categories);
    }
    return results;
  }

  headAfter(append: StreamAppend): StreamHead {
    return headAfter(append);
  }

  private appendGroup(group: AppendGroup): AppendResult | AppendRefusal {
    try {
      const prepared = prepareGroup(group, (category, stream) => this.streams.get(category, stream)?.at(-1)?.time);
      assertDistinctIds(prepared);
      const earlier = earlierAnswer(prepared, (category, id) => this.byId.get(category, id));
      if (earlier.kind === 'whole') return { status: 'duplicate', events: earlier.events };
      const conflict = this.conflict(prepared);
      if (conflict) return conflict;
      if (earlier.kind === 'part') throw eventIdTaken(earlier.id);
      return this.write(prepared);
    } catch (error) {
      if (error instanceof DomainError) return { status: 'refused', error };
      throw error;
    }
  }

  private conflict(prepared: readonly PreparedStream[]): AppendResult | undefined {
    for (const { append } of prepared) {
      const { version, hash } = this.head(append.category, append.stream);
      if (version !== append.expected.version || hash !== append.expected.hash) {
        return { status: 'conflict', stream: append.stream, expected: append.expected.version, actual: version };
      }
    }
    return undefined;
  }

  private write(prepared: readonly PreparedStream[]): AppendResult {
    const events = prepared.flatMap(({ append, events }) => {
      const stream = this.streams.get(append.category, append.stream) ?? [];
      this.streams.set(append.category, append.stream, stream);
      return events.map(({ event, canonical }) => {
        const recorded: RecordedEvent = deepFreeze({
          ...event,
          actor: JSON.parse(canonical.actor),
          data: JSON.parse(canonical.data),
          meta: JSON.parse(canonical.meta),
          tx: String(this.tx),
          position: String(this.log.length + 1),
        });
        stream.push(recorded);
        this.log.push(recorded);
        this.byId.set(recorded.category, recorded.id, recorded);
        return recorded;
      });
    });
    return { status: 'appended', events };
  }

  async readStream(
    category: Category,
    stream: string,
    { from = 1, to = Infinity, limit = Infinity }: { from?: number; to?: number; limit?: number } = {},
  ): Promise<RecordedEvent[]> {
    const events = this.streams.get(category, stream) ?? [];
    return events.filter(({ version }) => version >= from && version <= to).slice(0, limit);
  }

  async readStreams(
    category: Category,
    streams: readonly string[],
    from?: ReadonlyMap<string, number>,
  ): Promise<Map<string, RecordedEvent[]>> {
    return new Map(
      streams.map((stream) => [
        stream,
        (this.streams.get(category, stream) ?? []).filter(({ version }) => version >= (from?.get(stream) ?? 1)),
      ]),
    );
  }

  async heads(category: Category, streams: readonly string[]): Promise<Map<string, StreamHead>> {
    return new Map(streams.map((stream) => [stream, this.head(category, stream)]));
  }

  async readAfter(
    cursor: string | undefined,
    { categories, tenant, limit }: { categories?: readonly Category[]; tenant?: string; limit: number },
  ) {
    const after = cursorPoint(cursor);
    const events = this.log
      .slice(Number(after.position))
      .filter((event) => (!categories || categories.includes(event.category)) && (!tenant || event.tenant === tenant))
      .slice(0, limit);
    const last = events.at(-1);
    return { events, cursor: last ? cursorAt(last) : cursor };
  }

  async end() {
    const last = this.log.at(-1);
    return last && cursorAt(last);
  }

  async visibilityLag() {
    return { events: 0, milliseconds: 0 };
  }

  onAppended(listener: (categories: readonly Category[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.listeners.clear();
  }

  private head(category: Category, stream: string): StreamHead {
    const last = this.streams.get(category, stream)?.at(-1);
    return last ? { version: last.version, hash: last.hash } : NO_STREAM;
  }
}

/** Readers share what is stored, as they never would with a database: a test that changes an event must fail. */
function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
