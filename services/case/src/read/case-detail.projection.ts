import { Any, type EntityManager } from 'typeorm';
import type { CaseEvent } from '#contracts/events/case';
import type { RecordedEvent } from '#libs/event-store';
import { findRows, type Projection, upsertRows } from '#libs/read-model';
import {
  alertDataOf,
  alertOfCase,
  ended,
  endedBy,
  type Entry,
  entryOf,
  linkOf,
  ObservablesOfCase,
} from './case-content';
import { CaseDetailAlertRow, CaseDetailRow, CaseEntryRow } from './case-detail.entity';

/** Keeps what a case shows beyond its row of the list, for those that are too long to be folded whenever they are opened. */
export class CaseDetailProjection implements Projection {
  readonly name = 'case-detail';
  readonly categories = ['case'] as const;
  readonly entities = [CaseDetailRow, CaseDetailAlertRow, CaseEntryRow];

  async apply(recorded: readonly RecordedEvent[], tx: EntityManager): Promise<void> {
    // The ledger holds only what this service has written to the category, by its contract.
    const events = recorded as unknown as readonly (RecordedEvent & CaseEvent)[];
    await upsertRows(tx, CaseDetailRow, await detailsAfter(events, tx));
    await upsertRows(tx, CaseDetailAlertRow, await alertsAfter(events, tx));
    await upsertRows(tx, CaseEntryRow, await entriesAfter(events, tx));
  }
}

type CaseEvents = readonly (RecordedEvent & CaseEvent)[];

const caseIdOf = ({ data }: CaseEvent): string => data.caseId;

/** Of the cases that show something else than before: a storm mostly says what is known. */
async function detailsAfter(events: CaseEvents, tx: EntityManager): Promise<CaseDetailRow[]> {
  const telling = events.filter((event) => alertDataOf(event) ?? linkOf(event, event));
  const known = await findRows(tx, CaseDetailRow, 'caseId', telling.map(caseIdOf));
  const parts = new Map(known.map((row) => [row.caseId, new DetailOfCase(row)]));
  const changed = new Set<DetailOfCase>();
  for (const event of telling) {
    const caseId = caseIdOf(event);
    const { tenant } = event;
    const part = parts.get(caseId) ?? new DetailOfCase({ caseId, tenant, observables: [], attack: [], links: [] });
    if (part.listen(event) || !parts.has(caseId)) changed.add(part);
    parts.set(caseId, part);
  }
  return [...changed].map((part) => part.row());
}

class DetailOfCase {
  private readonly observables: ObservablesOfCase;
  private readonly attack: Set<string>;
  private readonly links: CaseDetailRow['links'];

  constructor(private readonly before: CaseDetailRow) {
    this.observables = new ObservablesOfCase(before.observables);
    this.attack = new Set(before.attack);
    this.links = [...before.links];
  }

  /** Whether the event has changed anything. */
  listen(event: CaseEvents[number]): boolean {
    const link = linkOf(event, event);
    if (link) this.links.push(link);
    const data = alertDataOf(event);
    if (!data) return link !== undefined;
    const known = this.attack.size;
    for (const id of data.attack) this.attack.add(id);
    return this.observables.add(data.observables) || this.attack.size > known;
  }

  row(): CaseDetailRow {
    const { before, observables, attack, links } = this;
    return { ...before, observables: observables.all(), attack: [...attack].sort(), links };
  }
}

async function alertsAfter(events: CaseEvents, tx: EntityManager): Promise<CaseDetailAlertRow[]> {
  const updated = events.filter(({ type }) => type === 'CaseAlertUpdated').map(({ data }) => data.caseId);
  const alertIds = events.flatMap((event) => (event.type === 'CaseAlertUpdated' ? [event.data.alertId] : []));
  const known =
    alertIds.length === 0
      ? []
      : await tx.find(CaseDetailAlertRow, {
          select: { caseId: true, alertId: true, place: true },
          where: { caseId: Any([...new Set(updated)]), alertId: Any([...new Set(alertIds)]) },
        });
  const keyOf = ({ caseId, alertId }: { caseId: string; alertId: string }) => `${caseId} ${alertId}`;
  const places = new Map(known.map((row) => [keyOf(row), row.place]));
  const rows = new Map<string, CaseDetailAlertRow>();
  for (const event of events) {
    const data = alertDataOf(event);
    if (!data) continue;
    const key = keyOf(data);
    // An alert keeps the place at which it came first.
    const place = rows.get(key)?.place ?? places.get(key) ?? event.version;
    const { caseId, alertId } = data;
    rows.set(key, { caseId, alertId, tenant: event.tenant, place, content: alertOfCase(data) });
  }
  return [...rows.values()];
}

async function entriesAfter(events: CaseEvents, tx: EntityManager): Promise<CaseEntryRow[]> {
  const endings = events.flatMap((event) => endedBy(event) ?? []);
  const open = await findRows(tx, CaseEntryRow, 'entryId', endings);
  const rows = new Map(open.map((row) => [row.entryId, row]));
  for (const event of events) {
    const { tenant, version: place, data } = event;
    const entry = entryOf(event, event);
    if (entry) {
      const { id: entryId, kind, content } = entry;
      rows.set(entryId, { caseId: data.caseId, entryId, tenant, kind, place, content });
    }
    const row = rows.get(endedBy(event) ?? '');
    if (row) rows.set(row.entryId, { ...row, content: ended(entryIn(row), event, event).content });
  }
  return [...rows.values()];
}

/** `kind` says which content it is: both were written together. */
export function entryIn({ kind, entryId: id, content }: CaseEntryRow): Entry {
  return { kind, id, content } as Entry;
}
