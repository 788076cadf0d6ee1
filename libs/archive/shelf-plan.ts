import type { Pool } from 'pg';
import { SHELVED_CATEGORIES, type ShelvedCategory } from '#contracts/envelope';

/**
 * What is still alive goes along to the shelf of now in the transaction that drops the old one: more of it would hold
 * readers back for longer than a moment.
 */
export const MOST_CARRIED = 50_000;

export interface ShelfPlan {
  readonly category: ShelvedCategory;
  /** The month of birth of its streams as 202611; 0 for what was there before there were shelves. */
  readonly shelf: number;
  readonly isReady: boolean;
  /** Why it cannot be archived yet. */
  readonly reason?: string;
}

/** A shelf in the archivist's hands. Times are ISO 8601. */
export interface ShelfCut {
  /** What was appended to since stays in the database. */
  readonly cutoff: string;
  /** The last checkpoint that has covered anything. */
  readonly checkpoint: number;
  readonly until: { readonly tx: string; readonly position: string };
}

/** Every shelf, and whether its month ended `keepDays` ago. */
export async function planShelves(pool: Pool, keepDays: number): Promise<ShelfPlan[]> {
  const { rows } = await pool.query<{ category: ShelvedCategory; shelf: number; isLast: boolean; isYoung: boolean }>(
    `select category, shelf,
            shelf >= coalesce(max(shelf) filter (where shelf <= ledger.shelf_now()) over (partition by category), 0) as "isLast",
            shelf > 0 and (to_date(shelf::text, 'YYYYMM') + interval '1 month') at time zone 'utc'
              > clock_timestamp() - make_interval(days => $1) as "isYoung"
       from ledger.shelves where category = any ($2::text[]) order by category, shelf`,
    [keepDays, SHELVED_CATEGORIES],
  );
  return rows.map(({ category, shelf, isLast, isYoung }) => {
    const reason = isLast
      ? 'new streams go there'
      : isYoung
        ? `its month ended less than ${keepDays} days ago`
        : undefined;
    return { category, shelf, isReady: reason === undefined, ...(reason !== undefined && { reason }) };
  });
}

/** Undefined while no checkpoint has been signed. */
export async function cutOf(pool: Pool, keepDays: number): Promise<ShelfCut | undefined> {
  const { rows } = await pool.query<ShelfCut>(
    `select to_char((clock_timestamp() - make_interval(days => $1)) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as cutoff,
            version as checkpoint, data->'upTo' as until
       from ledger.events
      where category = 'checkpoint' and stream = 'checkpoint-log' and type = 'CheckpointSigned' and data->'upTo' <> 'null'
      order by version desc limit 1`,
    [keepDays],
  );
  return rows[0];
}

/** The streams of a shelf that are still alive, and how many events they have. */
export async function aliveOn(
  pool: Pool,
  { category, shelf }: Pick<ShelfPlan, 'category' | 'shelf'>,
  { cutoff, until }: ShelfCut,
): Promise<{ readonly streams: readonly string[]; readonly events: number }> {
  const { rows } = await pool.query<{ stream: string; events: string }>(
    `select stream, count(*)::text as events from ledger.events
      where category = $1 and shelf = $2
      group by stream
     having bool_or(time >= $3::timestamptz or (tx, position) > ($4::xid8, $5::bigint))`,
    [category, shelf, cutoff, until.tx, until.position],
  );
  return {
    streams: rows.map(({ stream }) => stream),
    events: rows.reduce((sum, { events }) => sum + Number(events), 0),
  };
}
