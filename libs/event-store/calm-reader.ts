import type { Cursor, EventPage, EventStore } from './port';

/** Places that are kept in mind; of those that nobody reads from any more the oldest are forgotten. */
const MOST_PLACES = 50;

type Store = Pick<EventStore, 'readAfter' | 'end'>;
type ReadOptions = Parameters<EventStore['readAfter']>[1];

/**
 * For who polls the ledger: after a read that gave nothing, the next one asks first how far readers see, which is a fraction
 * of the work of looking into each category, and reads only if that has moved. What lies before that end is settled: no
 * transaction is open there any more, so that what was empty once stays so.
 */
export class CalmReader implements Pick<EventStore, 'readAfter'> {
  /** By what was read: the end that readers saw before it gave nothing; undefined when it was not asked. */
  private readonly emptyUpTo = new Map<string, Cursor | undefined>();

  constructor(private readonly store: Store) {}

  async readAfter(cursor: Cursor | undefined, options: ReadOptions): Promise<EventPage> {
    const read = [cursor, options.tenant, ...(options.categories ?? [])].join(' ');
    const end = this.emptyUpTo.has(read) ? await this.store.end() : undefined;
    if (end !== undefined && end === this.emptyUpTo.get(read)) return { events: [], cursor };
    const page = await this.store.readAfter(cursor, options);
    this.emptyUpTo.delete(read);
    if (page.events.length === 0) this.remember(read, end);
    return page;
  }

  private remember(read: string, end: Cursor | undefined): void {
    this.emptyUpTo.set(read, end);
    const [oldest] = this.emptyUpTo.keys();
    if (this.emptyUpTo.size > MOST_PLACES && oldest !== undefined) this.emptyUpTo.delete(oldest);
  }
}
