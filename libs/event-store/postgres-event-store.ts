import { Pool, type PoolConfig } from 'pg';
import type { Category } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { NO_TELEMETRY, type Origins, type Telemetry } from '#libs/telemetry';
import { appendGroups, type GroupResult } from './append-groups';
import { AppendQueue } from './append-queue';
import { toDomainError } from './database-errors';
import type { ArchiveSource } from './archive-source';
import { ArchivesAhead } from './archives-ahead';
import { archivedOfStream, streamsWithArchived } from './archived-stream';
import { type EventRow, isShelved, toRecordedEvent } from './event-rows';
import { demandAdoptedLedger } from './ledger-server';
import { headsText, streamsText, streamText } from './stream-statements';
import { endOfVisible, readAfter, type ReadOptions, visibilityLag } from './gap-safe-reader';
import type { AppendGroup, AppendResult, EventStore, RecordedEvent, StreamAppend, StreamHead } from './port';
import { NO_STREAM } from './port';
import { headAfter } from './prepared-group';

export type PostgresEventStoreOptions = {
  /** Where events are read that were archived. Without it, who asks for them is told what is missing. */
  readonly archive?: ArchiveSource;
  readonly telemetry?: Telemetry;
} &
  /**
   * A pool of its own, closed with the store. `role`: SET ROLE on each new connection, for the login that is a member
   * of many services' roles.
   */
  (
    | { readonly connection: PoolConfig; readonly role?: string }
    /** A pool that somebody else configures and closes; its connections must act as the service's role already. */
    | { readonly pool: Pool }
  );

/** The event store on PostgreSQL, acting as one service's role. The schema comes from `migrateLedger`. */
export function createPostgresEventStore(options: PostgresEventStoreOptions): EventStore {
  const { archive, telemetry } = options;
  if ('pool' in options) return new PostgresEventStore(options.pool, async () => undefined, archive, telemetry);
  const pool = ledgerPool(options.connection, options.role);
  return new PostgresEventStore(pool, () => pool.end(), archive, telemetry);
}

/** Readers of all stores of this process: in all-in-one, another service's store has made the append. */
const listeners = new Set<(categories: readonly Category[]) => void>();

/**
 * Connections for the ledger: as `role` where one is given, and with limits, since one transaction left open holds
 * every reader back and a statement that never ends holds its writer.
 */
function ledgerPool(connection: PoolConfig, role: string | undefined): Pool {
  const pool = new Pool({
    max: 6,
    connectionTimeoutMillis: 5_000,
    query_timeout: 35_000,
    keepAlive: true,
    ...connection,
    verify: (client, done) => {
      const setRole = role === undefined ? '' : `set role ${client.escapeIdentifier(role)};`;
      const limits = `set idle_in_transaction_session_timeout = '5s'; set statement_timeout = '30s'; set jit = off`;
      client
        .query(`${setRole} ${limits}`)
        .then(() => demandAdoptedLedger(client))
        .then(() => done(), done);
    },
  });
  // A connection that dies while idle would end the process; the pool replaces it, and a query that needs it tells.
  pool.on('error', () => undefined);
  return pool;
}

class PostgresEventStore implements EventStore {
  private readonly queue = new AppendQueue((groups, origins) => this.appendFrom(groups, origins));
  private readonly ahead: ArchivesAhead | undefined;
  private readonly subscriptions = new Set<() => void>();

  constructor(
    private readonly pool: Pool,
    private readonly endPool: () => Promise<void>,
    private readonly archive: ArchiveSource | undefined,
    private readonly telemetry: Telemetry = NO_TELEMETRY,
  ) {
    this.ahead = archive && new ArchivesAhead(archive);
  }

  async append(group: AppendGroup): Promise<AppendResult> {
    const result = await this.queue.append(group, this.originsOf([group]));
    if (result.status === 'refused') throw result.error;
    return result;
  }

  async appendMany(groups: readonly AppendGroup[]): Promise<GroupResult[]> {
    return this.appendFrom(groups, this.originsOf(groups));
  }

  private async appendFrom(groups: readonly AppendGroup[], origins: Origins): Promise<GroupResult[]> {
    const size = groups.length;
    const results = await this.telemetry.batch(
      {
        operation: 'append',
        destination: 'ledger',
        size,
        origins,
        attributes: { 'db.system.name': 'postgresql', 'db.operation.name': 'append', 'db.operation.batch.size': size },
      },
      () => appendGroups(this.pool, groups),
    );
    const categories = new Set<Category>();
    for (const result of results) {
      if (result.status === 'appended') for (const event of result.events) categories.add(event.category);
    }
    if (categories.size > 0) for (const listener of listeners) listener([...categories]);
    return results;
  }

  private originsOf(groups: readonly AppendGroup[]): Origins {
    return this.telemetry.origins(() =>
      groups.flatMap((group) => group.flatMap(({ events }) => events.map(({ meta }) => meta.traceparent))),
    );
  }

  headAfter(append: StreamAppend): StreamHead {
    return headAfter(append);
  }

  async readStream(
    category: Category,
    stream: string,
    { from = 1, to, limit }: { from?: number; to?: number; limit?: number } = {},
  ): Promise<RecordedEvent[]> {
    const events = await this.query({
      name: `ledger stream ${category}`,
      text: streamText(category),
      values: [stream, from, Math.min(to ?? MAX_VERSION, MAX_VERSION), limit ?? null],
    });
    const { archive } = this;
    if (!archive || !isShelved(category) || events[0]?.version === from) return events;
    const earlier = await this.guard(() => archivedOfStream(this.pool, archive, { category, stream, from, to }));
    return [...earlier, ...events].slice(0, limit);
  }

  async readStreams(
    category: Category,
    streams: readonly string[],
    from?: ReadonlyMap<string, number>,
  ): Promise<Map<string, RecordedEvent[]>> {
    const found = new Map<string, RecordedEvent[]>(streams.map((stream) => [stream, []]));
    if (found.size === 0) return found;
    const wanted = [...found.keys()];
    const events = await this.query({
      name: `ledger streams ${category}`,
      text: streamsText(category),
      values: [wanted, wanted.map((stream) => from?.get(stream) ?? 1)],
    });
    for (const event of events) found.get(event.stream)?.push(event);
    for (const stream of found.values()) stream.sort((a, b) => a.version - b.version);
    if (!this.archive || !isShelved(category)) return found;
    const cut = [...found].flatMap(([stream, [first]]) =>
      first?.version === (from?.get(stream) ?? 1) ? [] : [stream],
    );
    for (const stream of await this.guard(() => streamsWithArchived(this.pool, category, cut))) {
      found.set(stream, await this.readStream(category, stream, { from: from?.get(stream) }));
    }
    return found;
  }

  async heads(category: Category, streams: readonly string[]): Promise<Map<string, StreamHead>> {
    const found = new Map<string, StreamHead>(streams.map((stream) => [stream, NO_STREAM]));
    if (found.size === 0) return found;
    const rows = await this.guard(() =>
      this.pool.query<{ stream: string; version: number; hash: string }>({
        name: `ledger heads ${category}`,
        text: headsText(category),
        values: [[...found.keys()]],
      }),
    );
    for (const { stream, version, hash } of rows.rows) found.set(stream, { version, hash });
    return found;
  }

  async readAfter(cursor: string | undefined, options: ReadOptions) {
    return this.guard(() => readAfter(this.pool, cursor, options, this.ahead));
  }

  async end() {
    return this.guard(() => endOfVisible(this.pool));
  }

  async visibilityLag() {
    return this.guard(() => visibilityLag(this.pool));
  }

  onAppended(listener: (categories: readonly Category[]) => void): () => void {
    const own = (categories: readonly Category[]): void => listener(categories);
    const unsubscribe = (): void => {
      listeners.delete(own);
      this.subscriptions.delete(unsubscribe);
    };
    listeners.add(own);
    this.subscriptions.add(unsubscribe);
    return unsubscribe;
  }

  async close(): Promise<void> {
    for (const unsubscribe of [...this.subscriptions]) unsubscribe();
    await this.endPool();
  }

  private async query(statement: { name: string; text: string; values: unknown[] }): Promise<RecordedEvent[]> {
    const { rows } = await this.guard(() => this.pool.query<EventRow>(statement));
    return rows.map(toRecordedEvent);
  }

  private async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof DomainError ? error : toDomainError(error);
    }
  }
}

const MAX_VERSION = 2_147_483_647;
