import type { Category } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import type { RecordedEvent } from './port';
import type { PreparedStream } from './prepared-group';
import { StreamMap } from './stream-map';

/** What the ledger holds already under the event ids of a group (invariant 7). */
export type EarlierAnswer =
  | { readonly kind: 'none' }
  /** Each id, on the same stream: the message was answered before, and this is the answer. */
  | { readonly kind: 'whole'; readonly events: readonly RecordedEvent[] }
  /** Some ids, or ids of other streams. */
  | { readonly kind: 'part'; readonly id: string };

export function earlierAnswer(
  group: readonly PreparedStream[],
  find: (category: Category, id: string) => RecordedEvent | undefined,
): EarlierAnswer {
  const found: RecordedEvent[] = [];
  let wanted = 0;
  let elsewhere = false;
  for (const { event } of group.flatMap(({ events }) => events)) {
    wanted += 1;
    const earlier = find(event.category, event.id);
    if (!earlier) continue;
    found.push(earlier);
    elsewhere ||= earlier.stream !== event.stream;
  }
  const [first] = found;
  if (!first) return { kind: 'none' };
  return found.length === wanted && !elsewhere ? { kind: 'whole', events: found } : { kind: 'part', id: first.id };
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
