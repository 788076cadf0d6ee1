import type { Category } from '#contracts/envelope';
import { DomainError, type JsonObject, newId } from '#libs/kernel';
import { eventHash } from './event-hash';
import {
  type AppendGroup,
  type AppendResult,
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type RecordedEvent,
  type StreamAppend,
} from './port';

/** Events and streams as the suites of this library need them: of no meaning, in categories that one service owns. */
export function anEvent(given: Partial<NewEvent> = {}): NewEvent {
  return {
    id: newId(),
    type: 'NoteAdded',
    schemaVersion: 1,
    time: '2026-11-24T09:30:00.000Z',
    actor: { kind: 'human', id: 'alice' },
    data: { text: 'seen' },
    meta: { correlationId: 'c-1' },
    ...given,
  };
}

export const eventsWith = (...datas: readonly JsonObject[]): NewEvent[] => datas.map((data) => anEvent({ data }));

export function toStream(
  stream: string,
  events: readonly NewEvent[],
  given: Partial<StreamAppend> & { readonly category?: Category } = {},
): StreamAppend {
  return { category: 'case', stream, tenant: 'default', expected: NO_STREAM, events, ...given };
}

export const group = (...appends: readonly StreamAppend[]): AppendGroup => appends;

let streams = 0;
/** A stream that no other test uses. */
export const aStream = (prefix = 'case'): string => `${prefix}-${(streams += 1)}-${newId()}`;

/** What is wrong with a stream read from its first version: nothing, or where the chain breaks. */
export function chainFaults(events: readonly RecordedEvent[]): string[] {
  let previous = '';
  return events.flatMap((event, index) => {
    const faults = [
      ...(event.version === index + 1 ? [] : [`${event.stream}: version ${event.version} at place ${index + 1}`]),
      ...(event.hash === eventHash(event, previous) ? [] : [`${event.stream}: hash of version ${event.version}`]),
    ];
    previous = event.hash;
    return faults;
  });
}

export function eventsOf(result: Awaited<ReturnType<EventStore['appendMany']>>[number] | AppendResult | undefined) {
  if (result?.status === 'appended' || result?.status === 'duplicate') return [...result.events];
  throw new DomainError('internal', `expected events, got ${JSON.stringify(result)}`);
}

/** Resolves when readers see all that is committed: another transaction of the same server can hold them back. */
export async function allVisible(store: EventStore): Promise<void> {
  while ((await store.visibilityLag()).events > 0) await new Promise((done) => setImmediate(done));
}

/** The cursor after everything that is there. */
export async function endOf(store: EventStore): Promise<string | undefined> {
  await allVisible(store);
  let cursor: string | undefined;
  for (;;) {
    const page = await store.readAfter(cursor, { limit: 1000 });
    if (page.events.length === 0) return cursor;
    cursor = page.cursor;
  }
}
