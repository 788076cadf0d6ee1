import type { Pool } from 'pg';

const ROWS_AT_ONCE = 5_000;
/** As long as Kafka's topics keep messages. */
export const LOG_RETENTION_MS = 7 * 24 * 60 * 60_000;

/**
 * Removes from `bus.log` what is older than `keepMs` and every consumer group that reads its topic has handled. In short
 * transactions: a long one would hold readers back.
 * @param pool acts as the ledger service's role.
 * @returns how many messages are gone.
 */
export async function trimLog(pool: Pool, keepMs = LOG_RETENTION_MS, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  while (!signal?.aborted) {
    const { rowCount } = await pool.query({
      name: 'bus-trim',
      text: `delete from bus.log where position in (
               select position from bus.log l
               where published_at < clock_timestamp() - $1 * interval '1 ms'
                 and not exists (
                   select from bus.cursor c where c.topic = l.topic
                     and (split_part(c.cursor, '.', 1)::xid8, split_part(c.cursor, '.', 2)::bigint) < (l.tx, l.position))
               order by position limit ${ROWS_AT_ONCE})`,
      values: [keepMs],
    });
    removed += rowCount ?? 0;
    if ((rowCount ?? 0) < ROWS_AT_ONCE) break;
  }
  return removed;
}
