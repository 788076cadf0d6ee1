import { type ArchiveRecord, type ArchiveSource, comparePlaces, historyArchived, NO_ARCHIVE } from './archive-source';
import type { CursorPoint } from './cursor';
import type { RecordedEvent } from './port';

export interface MergedPage {
  readonly after: CursorPoint;
  readonly limit: number;
  readonly tenant: string | undefined;
}

/**
 * A page of the database together with what of the same stretch of the ledger lies in archives.
 * @param archives those that reach beyond the page's beginning, of the same snapshot as the page.
 * @throws DomainError('history_archived') when one is needed and not at hand.
 */
export async function mergeArchived(
  page: readonly RecordedEvent[],
  archives: readonly ArchiveRecord[],
  { after, limit, tenant }: MergedPage,
  source: ArchiveSource | undefined,
): Promise<RecordedEvent[]> {
  let events = [...page];
  for (const archive of archives) {
    const last = events[limit - 1];
    if (last && comparePlaces(archive.first, last) > 0) continue;
    if (!source) throw historyArchived(archive, NO_ARCHIVE);
    const archived = await source.after(archive, after, { limit, tenant });
    events = [...events, ...archived].sort(comparePlaces).slice(0, limit);
  }
  return events;
}
