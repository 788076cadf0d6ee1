import { Pool } from 'pg';
import {
  type ArchivedShelf,
  archiveShelf,
  type ArchiveStep,
  checkArchives,
  type CheckedArchive,
  cutOf,
  planShelves,
  type ShelfPlan,
} from '#libs/archive';
import { type ArchiveRecord, listArchives } from '#libs/event-store';
import { DomainError } from '#libs/kernel';

export interface ArchiveOptions {
  /** ARCHIVE_URL: the login of countersign_archivist on the ledger's database. */
  readonly url: string;
}

export interface RetentionOptions extends ArchiveOptions {
  /** What was appended to within so many days stays in the database; 30 at least. */
  readonly keepDays: number;
}

export interface RunArchiveOptions extends RetentionOptions {
  readonly folder: string;
  readonly onStep?: (shelf: ShelfPlan, step: ArchiveStep) => void;
}

/**
 * Which shelves can be archived.
 * @throws DomainError('database_unavailable'), as all of these.
 */
export const planArchive = ({ url, keepDays }: RetentionOptions): Promise<ShelfPlan[]> =>
  asArchivist(url, (pool) => planShelves(pool, keepDays));

/**
 * Archives every shelf that is old enough, one after the other.
 * @throws DomainError('invalid_transition') while no checkpoint has been signed, and what `archiveShelf` throws; what was
 * archived by then stays so.
 */
export const runArchive = ({ url, keepDays, folder, onStep }: RunArchiveOptions): Promise<ArchivedShelf[]> =>
  asArchivist(url, async (pool) => {
    const cut = await cutOf(pool, keepDays);
    if (!cut) {
      throw new DomainError('invalid_transition', {
        field: 'checkpoint',
        reason: 'No checkpoint has been signed yet, and nothing is archived that none covers.',
      });
    }
    const archived: ArchivedShelf[] = [];
    for (const shelf of await planShelves(pool, keepDays)) {
      if (!shelf.isReady) continue;
      archived.push(await archiveShelf(shelf, { pool, folder, cut, onStep: (step) => onStep?.(shelf, step) }));
    }
    return archived;
  });

export const archivesOf = ({ url }: ArchiveOptions): Promise<ArchiveRecord[]> => asArchivist(url, listArchives);

/** Reads every archive in the folder, and says what is wrong. */
export const verifyArchives = ({ url, folder }: ArchiveOptions & { folder: string }): Promise<CheckedArchive[]> =>
  asArchivist(url, (pool) => checkArchives(pool, folder));

async function asArchivist<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = new Pool({
    connectionString: url,
    application_name: 'countersign archive',
    connectionTimeoutMillis: 10_000,
    // A young shelf has no statistics: PostgreSQL would take it for a few rows, and sort all of them for each page.
    options: '-c jit=off -c enable_sort=off -c enable_bitmapscan=off',
    max: 2,
  });
  // A connection that dies while idle would end the process; the query that needs it tells.
  pool.on('error', () => undefined);
  try {
    return await work(pool);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DomainError('database_unavailable', { field: 'ARCHIVE_URL', reason, cause: error });
  } finally {
    await pool.end();
  }
}
