import type { ClientBase, Pool } from 'pg';
import type { Category, ShelvedCategory } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { ARCHIVE_JSON, type ArchiveRecord, type ArchiveSource, NO_ARCHIVE } from './archive-source';
import { isShelved } from './event-rows';
import type { EventStore, RecordedEvent } from './port';

interface ChapterRow {
  readonly archive: ArchiveRecord;
  readonly from: string;
  readonly to: string;
}

/** A stream goes on on another shelf when all of it was archived: each time is a chapter, and lies in a file of its own. */
const CHAPTERS = `from ledger.streams s join ledger.archives a on a.category = s.category and a.shelf = s.shelf
  where s.archived_version is not null and s.category = $1`;

/** The archived events of a stream in version order. */
export async function archivedOfStream(
  pool: Pool,
  source: ArchiveSource,
  {
    category,
    stream,
    from,
    to = Infinity,
  }: { category: ShelvedCategory; stream: string; from: number; to: number | undefined },
): Promise<RecordedEvent[]> {
  const { rows } = await pool.query<ChapterRow>({
    name: 'ledger archived stream',
    text: `select ${ARCHIVE_JSON} as archive, s.archived_from::text as from, s.archived_to::text as to ${CHAPTERS}
              and s.stream = $2 and s.archived_version >= $3 order by s.first_version`,
    values: [category, stream, from],
  });
  const events: RecordedEvent[] = [];
  for (const row of rows) events.push(...(await source.ofStream(row.archive, stream, row.from, row.to)));
  return events.filter(({ version }) => version >= from && version <= to);
}

/** Those of `streams` of which something lies in an archive. */
export async function streamsWithArchived(
  pool: Pool,
  category: ShelvedCategory,
  streams: readonly string[],
): Promise<string[]> {
  if (streams.length === 0) return [];
  const { rows } = await pool.query<{ stream: string }>({
    name: 'ledger archived streams',
    text: `select distinct s.stream ${CHAPTERS} and s.stream = any ($2::text[])`,
    values: [category, streams],
  });
  return rows.map(({ stream }) => stream);
}

/**
 * For who tells what a stream is from all of its events.
 * @param history as it was read from the first version on.
 * @throws DomainError('history_archived') when its beginning lies in an archive that is not at hand.
 */
export async function demandWholeHistory(
  store: EventStore,
  category: Category,
  stream: string,
  history: readonly RecordedEvent[],
): Promise<void> {
  if (!isShelved(category) || history[0]?.version === 1) return;
  const { version = 0 } = (await store.heads(category, [stream])).get(stream) ?? {};
  if (version === 0) return;
  throw new DomainError('history_archived', {
    field: 'stream',
    reason: `the first of the ${version} events of ${stream} are archived, and ${NO_ARCHIVE}`,
  });
}

/** What has been archived, in that order. */
export async function listArchives(db: Pick<ClientBase | Pool, 'query'>, after = 0): Promise<ArchiveRecord[]> {
  const { rows } = await db.query<{ archive: ArchiveRecord }>(
    `select ${ARCHIVE_JSON} as archive from ledger.archives a where a.number > $1 order by a.number`,
    [after],
  );
  return rows.map(({ archive }) => archive);
}
