import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';
import { CATEGORIES, type Category } from '#contracts/envelope';
import type { Cursor, EventStore, RecordedEvent } from '#libs/event-store';

const PAGE = 1000;
/** How long a proof waits for transactions that are still open. */
const MAX_LAG_MS = 5_000;

/** Where a walk ends. */
export interface LedgerEnd {
  readonly tx: bigint;
  readonly position: bigint;
}

/** The place of the last event that readers see now; undefined for an empty ledger. */
export async function endOfLedger(pool: Pool): Promise<LedgerEnd | undefined> {
  const branches = CATEGORIES.map(
    (category) => `(select tx, position from ledger.events where category = '${category}'
      and tx < ledger.visible_before() order by tx desc, position desc limit 1)`,
  );
  const { rows } = await pool.query<{ tx: string; position: string }>(
    `select tx::text as tx, position::text as position from (${branches.join(' union all ')}) as last
     order by last.tx desc, last.position desc limit 1`,
  );
  const [last] = rows;
  return last && { tx: BigInt(last.tx), position: BigInt(last.position) };
}

/**
 * Waits until readers see what was recorded before the call, such as the checkpoint that an export is to be held against:
 * a transaction that is open anywhere in the server holds them back. After MAX_LAG_MS it is as it is.
 */
export async function untilVisible(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ tx: string }>('select pg_snapshot_xmax(pg_current_snapshot())::text as tx');
  const seen = 'select pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8 as yes';
  for (const until = Date.now() + MAX_LAG_MS; Date.now() < until; await wait(20)) {
    const answer = await pool.query<{ yes: boolean }>(seen, [rows[0]?.tx]);
    if (answer.rows[0]?.yes) return;
  }
}

export interface WalkOptions {
  readonly categories?: readonly Category[];
  readonly after?: Cursor;
  /** Where it ended when this was asked; where it ends when the walk begins, unless told. */
  readonly end?: LedgerEnd;
  readonly signal?: AbortSignal;
}

/**
 * The ledger in (tx, position) order, page by page, up to where it ended at the beginning of the walk: it ends, however
 * much is appended meanwhile. Stops early when `signal` aborts.
 */
export async function* walkLedger(
  store: EventStore,
  pool: Pool,
  { categories, after, signal, ...options }: WalkOptions = {},
): AsyncGenerator<readonly RecordedEvent[]> {
  const end = options.end ?? (await endOfLedger(pool));
  if (!end) return;
  const isWithin = ({ tx, position }: RecordedEvent) =>
    BigInt(tx) < end.tx || (BigInt(tx) === end.tx && BigInt(position) <= end.position);
  let cursor = after;
  for (;;) {
    signal?.throwIfAborted();
    const page = await store.readAfter(cursor, { categories, limit: PAGE });
    const events = page.events.filter(isWithin);
    if (events.length > 0) yield events;
    if (page.events.length < PAGE || events.length < page.events.length) return;
    cursor = page.cursor;
  }
}

/** One stream in version order, page by page. */
export async function* walkStream(
  store: EventStore,
  category: Category,
  stream: string,
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let from = 1; ; from += PAGE) {
    const events = await store.readStream(category, stream, { from, limit: PAGE });
    if (events.length > 0) yield events;
    if (events.length < PAGE) return;
  }
}
