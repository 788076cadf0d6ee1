import { join } from 'node:path';
import {
  type ArchiveRecord,
  type ArchiveSource,
  type CursorPoint,
  historyArchived,
  type RecordedEvent,
} from '#libs/event-store';
import { ArchiveFile } from './archive-file';

/** The archives in a folder. What was once found is kept open in name only: members are read when they are asked for. */
export class ArchiveFolder implements ArchiveSource {
  private readonly files = new Map<string, Promise<ArchiveFile | undefined>>();

  constructor(readonly path: string) {}

  async after(
    archive: ArchiveRecord,
    place: CursorPoint,
    { limit, tenant }: { readonly limit: number; readonly tenant?: string },
  ): Promise<RecordedEvent[]> {
    return (await this.demand(archive)).after(place, limit, tenant);
  }

  async ofStream(archive: ArchiveRecord, stream: string, fromTx: string, toTx: string): Promise<RecordedEvent[]> {
    return (await this.demand(archive)).ofStream(stream, fromTx, toTx);
  }

  /**
   * @throws DomainError('history_archived') when the file is not in the folder, or another one has its name.
   */
  async demand(archive: ArchiveRecord): Promise<ArchiveFile> {
    const opening = this.files.get(archive.file) ?? ArchiveFile.open(join(this.path, archive.file));
    this.files.set(archive.file, opening);
    const file = await opening.catch((error: unknown) => {
      this.files.delete(archive.file);
      throw error;
    });
    if (file?.manifest.sha256 === archive.sha256) return file;
    this.files.delete(archive.file);
    throw historyArchived(
      archive,
      file ? `the file of that name in ${this.path} is another one` : `it is not in ${this.path}`,
    );
  }
}
