import type { DataSource } from 'typeorm';
import type { Category } from '#contracts/envelope';
import type { TimelineEntry } from '#contracts/http/case';
import type { RecordedEvent } from '#libs/event-store';
import type { JsonObject } from '#libs/kernel';
import type { PersonalData } from '#libs/personal-data';
import { withTenant } from '#libs/read-model';
import { tell } from '#libs/story';
import type { ForeignEventRow } from './foreign-event.entity';
import { demandVersion, fromCursor, invalidCursor, toCursor } from './page-cursor';

/** Events of the same millisecond stand as one leads to the next. */
const ORDER: Partial<Record<Category, number>> = { case: 0, run: 1, approval: 2, action: 3 };
const LAST = 4;
const RANK_SQL = `case category ${Object.entries(ORDER)
  .map(([category, rank]) => `when '${category}' then ${rank}`)
  .join(' ')} else ${LAST} end`;

type SortKey = readonly [time: string, rank: number, version: number, eventId: string];

/** The version of the case's own event that was shown last, and the key of the copy that was. */
const BEGINNING: readonly [ownVersion: number, ...SortKey] = [0, '', 0, 0, ''];

export interface TimelineOf {
  readonly caseId: string;
  /** The case's own events after a version, so many at most and in their order. */
  readonly own: (after: number, limit: number) => Promise<readonly RecordedEvent[]>;
  /** Up to that time, as times of events are written. */
  readonly until?: string;
}

/**
 * A page of what happened to a case, oldest first: its own events, and the copies of those of its runs, approvals and
 * actions. Of both, only what can stand on the page is read; the cursor says how far each has come.
 */
export async function timelinePage(
  database: DataSource,
  tenant: string,
  { caseId, own, until }: TimelineOf,
  personal: PersonalData,
  { limit = 50, cursor }: { limit?: number; cursor?: string },
): Promise<{ items: TimelineEntry[]; next?: string }> {
  const [ownVersion, ...foreignKey] =
    fromCursor(cursor, ['number', 'string', 'number', 'number', 'string']) ?? BEGINNING;
  const after = foreignKeyIn(foreignKey);
  const foreign = await foreignAfter(database, tenant, { caseId, until, after, limit: limit + 1 });
  const entries = [
    ...(await own(demandVersion(ownVersion), limit + 1)).map(ownEntry),
    ...foreign.map((row) => foreignEntry(row, personal)),
  ].sort((a, b) => compare(keyOf(a), keyOf(b)));
  const items = entries.slice(0, limit);
  if (entries.length <= limit) return { items };
  const lastOwn = items.findLast(({ category }) => category === 'case');
  const lastForeign = items.findLast(({ category }) => category !== 'case');
  const foreignEnd = lastForeign ? keyOf(lastForeign) : foreignKey;
  return { items, next: toCursor([lastOwn?.version ?? ownVersion, ...foreignEnd]) };
}

/** Undefined while no copy has stood on a page. */
function foreignKeyIn([time, rank, version, eventId]: SortKey): SortKey | undefined {
  if (time === '') return undefined;
  if (Number.isNaN(Date.parse(time)) || !/^[0-9a-f-]{36}$/.test(eventId)) throw invalidCursor();
  return [time, demandVersion(rank), demandVersion(version), eventId];
}

function foreignAfter(
  database: DataSource,
  tenant: string,
  { caseId, until, after, limit }: { caseId: string; until?: string; after?: SortKey; limit: number },
): Promise<ForeignEventRow[]> {
  const values: unknown[] = [caseId, tenant, limit];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const conditions = ['case_id = $1', 'tenant = $2'];
  if (until !== undefined) conditions.push(`time <= ${value(until)}::timestamptz`);
  if (after) {
    const [time, rank, version, eventId] = after;
    const from = value(time);
    conditions.push(
      `time >= ${from}::timestamptz`,
      `(time, ${RANK_SQL}, version, event_id) >
         (${from}::timestamptz, ${value(rank)}::integer, ${value(version)}::integer, ${value(eventId)}::uuid)`,
    );
  }
  return withTenant(database, tenant, (tx) =>
    tx.query<ForeignEventRow[]>(
      `select event_id as "eventId", tenant, case_id as "caseId", category, stream, version, type,
              schema_version as "schemaVersion", time, actor, data
         from svc_case.foreign_event where ${conditions.join(' and ')}
        order by time, ${RANK_SQL}, version, event_id limit $3`,
      values,
    ),
  );
}

function ownEntry(event: RecordedEvent): TimelineEntry {
  const { id: eventId, category, stream, version, type: kind, time, actor, data } = event;
  return { eventId, time, actor, category, stream, version, kind, text: tell(event), data };
}

function foreignEntry(row: ForeignEventRow, personal: PersonalData): TimelineEntry {
  const { eventId, category, stream, version, type: kind } = row;
  // A copy of an event's data, as the bus brought it: sealed.
  const { actor, data } = personal.openEvent({ ...row, data: row.data as JsonObject });
  return {
    eventId,
    time: row.time.toISOString(),
    actor,
    category,
    stream,
    version,
    kind,
    text: tell({ ...row, data }),
    data: withoutWarrant(data),
  };
}

/** A warrant is for the connector: who reads a case has no use for it. The ledger and its export keep it. */
function withoutWarrant({ warrant: _, ...data }: JsonObject): JsonObject {
  return data;
}

function keyOf({ time, category, version, eventId }: TimelineEntry): SortKey {
  return [time, ORDER[category] ?? LAST, version, eventId];
}

function compare(a: SortKey, b: SortKey): number {
  for (const [at, part] of a.entries()) {
    const other = b[at] ?? part;
    if (part < other) return -1;
    if (part > other) return 1;
  }
  return 0;
}
