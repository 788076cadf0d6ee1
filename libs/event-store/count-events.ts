import type { ClientBase, Pool } from 'pg';
import type { Category } from '#contracts/envelope';
import { cursorPoint } from './cursor';
import { categoryLiteral } from './event-rows';
import type { Cursor } from './port';

/**
 * How many events of `categories` readers see after `after`, up to and with `upTo`; undefined means the beginning and
 * the end. Reads the index alone; archives that reach beyond `after` count whole.
 */
export async function countEvents(
  db: Pick<ClientBase | Pool, 'query'>,
  categories: readonly Category[],
  after: Cursor | undefined,
  upTo?: Cursor,
): Promise<number> {
  if (categories.length === 0) return 0;
  const [from, to] = [cursorPoint(after), upTo === undefined ? undefined : cursorPoint(upTo)];
  const branches = categories.map(
    (category) => `select count(*) as events from ledger.events
      where category = ${categoryLiteral(category)} and tx < ledger.visible_before()
        and (tx, position) > ($1::xid8, $2::bigint)
        ${to ? 'and (tx, position) <= ($3::xid8, $4::bigint)' : ''}`,
  );
  const archived = `select coalesce(sum(events), 0) as events from ledger.archives
      where category in (${categories.map(categoryLiteral).join(', ')}) and (last_tx, last_position) > ($1::xid8, $2::bigint)
        ${to ? 'and (last_tx, last_position) <= ($3::xid8, $4::bigint)' : ''}`;
  const { rows } = await db.query<{ events: string }>(
    `select sum(events)::text as events from (${[...branches, archived].join(' union all ')}) as counted`,
    [from.tx, from.position, ...(to ? [to.tx, to.position] : [])],
  );
  return Number(rows[0]?.events ?? 0);
}
