import type { Category } from '#contracts/envelope';
import { isShown } from '#libs/audit';
import { demandWholeHistory, type EventStore } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { categoryOfStream } from '../domain/stream-category';

/**
 * The category of a stream that the tenant may see.
 * @throws DomainError('not_found') for any other one, ('history_archived') when its first event lies in an archive that is not
 * at hand.
 */
export async function demandStream(store: EventStore, stream: string, tenant: string): Promise<Category> {
  const category = categoryOfStream(stream);
  const [first] = category ? await store.readStream(category, stream, { limit: 1 }) : [];
  if (category) await demandWholeHistory(store, category, stream, first ? [first] : []);
  if (!category || !first || !isShown(first, tenant)) {
    throw new DomainError('not_found', { field: 'stream', reason: `There is no stream ${stream}.` });
  }
  return category;
}

/** A version, as the cursors of streams hold it. Throws DomainError('invalid_cursor'). */
export function versionCursor(cursor: string): number {
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor);
  throw new DomainError('invalid_cursor', { field: 'cursor', reason: 'is not one that this list has given' });
}
