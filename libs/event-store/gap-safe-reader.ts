import type { Pool } from 'pg';
import { CATEGORIES, type Category } from '#contracts/envelope';
import { ARCHIVE_JSON, type ArchiveRecord, comparePlaces } from './archive-source';
import type { ArchivesAhead } from './archives-ahead';
import { cursorAt, cursorPoint, type CursorPoint } from './cursor';
import { categoriesKey, categoryLiteral, EVENT_COLUMNS, type EventRow, toRecordedEvent } from './event-rows';
import { mergeArchived, type MergedPage } from './merge-archived';
import type { Cursor, EventPage, RecordedEvent, VisibilityLag } from './port';

export interface ReadOptions {
  readonly categories?: readonly Category[];
  readonly tenant?: string;
  readonly limit: number;
}

/**
 * The events after the cursor, in (tx, position) order, up to the first transaction that is still open: position alone
 * shows 2 before 1, and a transaction that took its id early may commit after later ones.
 *
 * One branch for each category, each an index scan in reading order that PostgreSQL merges row by row; `category = any`
 * would read and sort everything after the cursor. The same statement names the archives that hold more after the cursor,
 * so that what is being archived is in one of the two.
 *
 * @throws DomainError('history_archived') when events of the page lie in an archive that is not at hand.
 */
export async function readAfter(
  pool: Pool,
  cursor: Cursor | undefined,
  options: ReadOptions,
  archives?: ArchivesAhead,
): Promise<EventPage> {
  const { tenant, limit } = options;
  const categories = [...new Set(options.categories ?? CATEGORIES)].sort();
  if (categories.length === 0 || limit <= 0) return { events: [], cursor };
  const asked = { after: cursorPoint(cursor), limit, tenant };
  for (;;) {
    const expected = archives?.beyond(asked.after, categories) ?? [];
    const archived = await mergeArchived([], expected, asked, archives?.source);
    // What is archived comes mostly alone: then the database need not show what comes after it.
    const page = await readPage(pool, categories, asked, archived[limit - 1]);
    if (archives && !archives.learn(expected, page.archives)) continue;
    const events = archives
      ? [...archived, ...page.events].sort(comparePlaces).slice(0, limit)
      : await mergeArchived(page.events, page.archives, asked, undefined);
    const last = events.at(-1);
    return { events, cursor: last ? cursorAt(last) : cursor };
  }
}

/** @param end the last that is of interest, where that is known. */
async function readPage(
  pool: Pool,
  categories: readonly Category[],
  { after, limit, tenant }: MergedPage,
  end: CursorPoint | undefined,
): Promise<{ readonly events: readonly RecordedEvent[]; readonly archives: readonly ArchiveRecord[] }> {
  const only = `${tenant === undefined ? '' : ' of tenant'}${end ? ' to' : ''}`;
  const { rows } = await pool.query<PageRow>({
    name: `ledger after ${categoriesKey(categories)}${only}`,
    text: readStatement(categories, tenant !== undefined, end !== undefined),
    values: [
      ...[after.tx, after.position, limit],
      ...(tenant === undefined ? [] : [tenant]),
      ...(end ? [end.tx, end.position] : []),
    ],
  });
  const events = rows.flatMap((row) => (row.position === null ? [] : [toRecordedEvent(row)]));
  return { events, archives: rows[0]?.archives ?? [] };
}

/** One row without an event when there is none. */
type PageRow = (EventRow | { readonly position: null }) & { readonly archives: readonly ArchiveRecord[] | null };

export function readStatement(categories: readonly Category[], ofTenant: boolean, isBounded = false): string {
  const end = ofTenant ? 5 : 4;
  const branches = categories.map(
    (category) => `
    (select * from ledger.events
      where category = ${categoryLiteral(category)}
        and (tx, position) > ($1::xid8, $2::bigint) and tx < ledger.visible_before()
        ${ofTenant ? 'and tenant = $4' : ''}
        ${isBounded ? `and (tx, position) <= ($${end}::xid8, $${end + 1}::bigint)` : ''}
      order by tx, position limit $3)`,
  );
  const archived = categories.map(categoryLiteral).join(', ');
  // The join keeps the order of its only table with more than a row; ordered again, it would be sorted again.
  return `select page.*, (select json_agg(${ARCHIVE_JSON}) from ledger.archives a
      where a.category in (${archived}) and (a.last_tx, a.last_position) > ($1::xid8, $2::bigint)) as archives
    from (values (1)) as always left join (
      select ${EVENT_COLUMNS.replaceAll(/\b(tx|position)::/g, 'e.$1::')} from (${branches.join(' union all ')}) as e
      order by e.tx, e.position limit $3) as page on true`;
}

/** Before the first transaction that readers do not see yet. */
export async function endOfVisible(pool: Pool): Promise<Cursor> {
  const { rows } = await pool.query<{ tx: string }>({
    name: 'ledger end',
    text: 'select ledger.visible_before()::text as tx',
  });
  return cursorAt({ tx: rows[0]?.tx ?? '0', position: '0' });
}

/** What is committed and not yet shown to readers. */
export async function visibilityLag(pool: Pool): Promise<VisibilityLag> {
  const branches = CATEGORIES.map(
    (category) => `select time from ledger.events
      where category = ${categoryLiteral(category)} and tx >= ledger.visible_before()`,
  );
  const { rows } = await pool.query<{ events: string; milliseconds: string | null }>({
    name: 'ledger visibility lag',
    text: `select count(*)::text as events, (extract(epoch from clock_timestamp() - min(time)) * 1000)::bigint::text as milliseconds
             from (${branches.join(' union all ')}) as e`,
  });
  const { events = '0', milliseconds } = rows[0] ?? {};
  return { events: Number(events), milliseconds: Math.max(0, Number(milliseconds ?? 0)) };
}
