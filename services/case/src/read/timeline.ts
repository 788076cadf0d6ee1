import type { DataSource } from 'typeorm';
import type { Category } from '#contracts/envelope';
import type { TimelineEntry } from '#contracts/http/case';
import type { RecordedEvent } from '#libs/event-store';
import type { JsonObject } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { tell } from '#libs/story';
import { ForeignEventRow } from './foreign-event.entity';
import { fromCursor, toCursor } from './page-cursor';

/** Events of the same millisecond stand as one leads to the next. */
const ORDER: Partial<Record<Category, number>> = { case: 0, run: 1, approval: 2, action: 3 };

type SortKey = readonly [time: string, rank: number, version: number, eventId: string];

/** A page of what happened to a case, oldest first: its own events, and the copies of those of its runs, approvals and actions. */
export async function timelinePage(
  database: DataSource,
  tenant: string,
  { caseId, own, until }: { caseId: string; own: readonly RecordedEvent[]; until?: string },
  { limit = 50, cursor }: { limit?: number; cursor?: string },
): Promise<{ items: TimelineEntry[]; next?: string }> {
  const after = fromCursor(cursor, ['string', 'number', 'number', 'string']);
  const foreign = await withTenant(database, tenant, (tx) => tx.findBy(ForeignEventRow, { caseId, tenant }));
  const entries = [...own.map(ownEntry), ...foreign.map(foreignEntry)]
    .filter(({ time }) => until === undefined || time <= until)
    .sort((a, b) => compare(keyOf(a), keyOf(b)));
  const rest = after ? entries.filter((entry) => compare(keyOf(entry), after) > 0) : entries;
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, ...(rest.length > limit && last && { next: toCursor(keyOf(last)) }) };
}

function ownEntry(event: RecordedEvent): TimelineEntry {
  const { id: eventId, category, stream, version, type: kind, time, actor, data } = event;
  return { eventId, time, actor, category, stream, version, kind, text: tell(event), data };
}

function foreignEntry(row: ForeignEventRow): TimelineEntry {
  const { eventId, category, stream, version, type: kind, actor } = row;
  // A copy of an event's data, as the bus brought it.
  const data = row.data as JsonObject;
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
  return [time, ORDER[category] ?? 4, version, eventId];
}

function compare(a: SortKey, b: SortKey): number {
  for (const [at, part] of a.entries()) {
    const other = b[at] ?? part;
    if (part < other) return -1;
    if (part > other) return 1;
  }
  return 0;
}
