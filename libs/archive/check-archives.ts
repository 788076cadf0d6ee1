import type { Pool } from 'pg';
import { type ArchiveRecord, listArchives } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { ArchiveFolder } from './archive-folder';
import { archivedHash } from './archived-hash';
import { verifyArchive } from './verify-archive';

export interface CheckedArchive extends ArchiveRecord {
  /** What is wrong with it; null when it is whole. */
  readonly problem: string | null;
}

/** Reads every archive that the ledger knows, and holds it against what the ledger knows of it. */
export async function checkArchives(pool: Pool, path: string): Promise<CheckedArchive[]> {
  const folder = new ArchiveFolder(path);
  const checked: CheckedArchive[] = [];
  for (const archive of await listArchives(pool)) {
    checked.push({ ...archive, problem: await problemOf(pool, folder, archive) });
  }
  return checked;
}

async function problemOf(pool: Pool, folder: ArchiveFolder, archive: ArchiveRecord): Promise<string | null> {
  try {
    const file = await folder.demand(archive);
    const { events, sha256, hashes } = await verifyArchive(file, { hashBefore: archivedHash(pool, archive.category) });
    if (sha256 !== archive.sha256) return 'it is not the file that was archived';
    return events === archive.events && hashes === archive.hashes
      ? null
      : 'its events are not those that were archived';
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
}
