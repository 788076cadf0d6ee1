import type { Mentions } from '#contracts/http/ledger';
import type { EventStore, RecordedEvent } from '#libs/event-store';
import type { PersonalData } from '#libs/personal-data';
import { person } from '#libs/personal-data';
import type { Pool } from 'pg';
import { walkLedger } from '../adapters/ledger-walk';

interface Found {
  events: number;
  readonly first: string;
  last: string;
}

/** Where a tenant's ledger mentions a text: every event is opened and looked at, since what is sealed has no index. */
export async function mentionsOf(
  { store, pool, personal }: { store: EventStore; pool: Pool; personal: PersonalData },
  { tenant, text, signal }: { tenant: string; text: string; signal: AbortSignal },
): Promise<Mentions> {
  // As it stands in JSON, where a quotation mark is escaped.
  const wanted = JSON.stringify(text).slice(1, -1).toLowerCase();
  const key = `.${personal.keyNameOf(person(tenant, text))}.`;
  const found = new Map<string, Found>();
  let asPerson = 0;
  for await (const page of walkLedger(store, pool, { signal })) {
    for (const event of page) {
      if (event.tenant !== tenant) continue;
      if (namesPerson(event, key)) asPerson += 1;
      if (!JSON.stringify(personal.openEvent(event).data).toLowerCase().includes(wanted)) continue;
      const record = personal.recordOf(event);
      const before = found.get(record);
      if (before) Object.assign(before, { events: before.events + 1, last: event.time });
      else found.set(record, { events: 1, first: event.time, last: event.time });
    }
  }
  const items = [...found].map(([record, counts]) => ({ record, ...counts })).sort((a, b) => b.events - a.events);
  return { items, asPerson };
}

const namesPerson = ({ actor, data }: RecordedEvent, key: string): boolean =>
  JSON.stringify([actor, data]).includes(key);
