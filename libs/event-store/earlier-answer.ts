import type { Category } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import type { RecordedEvent } from './port';
import type { PreparedStream } from './prepared-group';
import { StreamMap } from './stream-map';

/** What stands under an event's id already; `archived` when it lies in an archive, and the id alone is known here. */
export type FoundById = RecordedEvent | 'archived' | undefined;

/** What the ledger holds already under the event ids of a group (invariant 7). */
export type EarlierAnswer =
  | { readonly kind: 'none' }
  /** Each id, on the same stream: the message was answered before, and this is the answer, but for what is archived. */
  | { readonly kind: 'whole'; readonly events: readonly RecordedEvent[] }
  /** Some ids, or ids of other streams. */
  | { readonly kind: 'part'; readonly id: string };

export function earlierAnswer(
  group: readonly PreparedStream[],
  find: (category: Category, id: string) => FoundById,
): EarlierAnswer {
  const found: RecordedEvent[] = [];
  let [wanted, known] = [0, 0];
  let first: string | undefined;
  let elsewhere = false;
  for (const { event } of group.flatMap(({ events }) => events)) {
    wanted += 1;
    const earlier = find(event.category, event.id);
    if (!earlier) continue;
    known += 1;
    first ??= event.id;
    if (earlier === 'archived') continue;
    found.push(earlier);
    elsewhere ||= earlier.stream !== event.stream;
  }
  if (first === undefined) return { kind: 'none' };
  return known === wanted && !elsewhere ? { kind: 'whole', events: found } : { kind: 'part', id: first };
}

export function eventIdTaken(id: string): DomainError {
  return new DomainError('event_id_taken', {
    field: 'id',
    reason: `${id} stands in the ledger for another event of its category; a second decision on the same message needs ordinals of its own`,
  });
}

/** @throws DomainError('event_id_taken') when two events of one group have the same id. */
export function assertDistinctIds(group: readonly PreparedStream[]): void {
  if (group.length === 1 && group[0]?.events.length === 1) return;
  const ids = new StreamMap<true>();
  for (const { event } of group.flatMap(({ events }) => events)) {
    if (ids.has(event.category, event.id)) {
      throw new DomainError('event_id_taken', {
        field: 'id',
        reason: `two events of the group have the id ${event.id}`,
      });
    }
    ids.set(event.category, event.id, true);
  }
}
