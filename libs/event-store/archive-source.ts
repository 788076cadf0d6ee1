import type { ShelvedCategory } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import type { CursorPoint } from './cursor';
import type { RecordedEvent } from './port';

/** A file to which a shelf was archived, as `ledger.archives` records it. `sha256` and `hashes` are hexadecimal. */
export interface ArchiveRecord {
  /** 1, 2, 3, ... in the order in which they were archived. */
  readonly number: number;
  readonly category: ShelvedCategory;
  readonly shelf: number;
  /** Its name, without a folder. */
  readonly file: string;
  readonly events: number;
  /** Of the file. */
  readonly sha256: string;
  /** SHA-256 over the 32 bytes of each event's hash, in the ledger's order. */
  readonly hashes: string;
  readonly first: CursorPoint;
  readonly last: CursorPoint;
  /** The number of a checkpoint that covers all of it. */
  readonly checkpoint: number;
  readonly archivedAt: string;
}

/** Where archived events are read from. Each method throws DomainError('history_archived') when the file is not there. */
export interface ArchiveSource {
  /** The events after a place, in the ledger's order. */
  after(
    archive: ArchiveRecord,
    place: CursorPoint,
    options: { readonly limit: number; readonly tenant?: string },
  ): Promise<RecordedEvent[]>;
  /** The events of one stream, all of which were appended by the transactions `fromTx` to `toTx`. */
  ofStream(archive: ArchiveRecord, stream: string, fromTx: string, toTx: string): Promise<RecordedEvent[]>;
}

/** An `ArchiveRecord` as JSON, from `ledger.archives` under the name `a`. */
export const ARCHIVE_JSON = `json_build_object('number', a.number, 'category', a.category, 'shelf', a.shelf,
  'file', a.file, 'events', a.events, 'sha256', encode(a.sha256, 'hex'), 'hashes', encode(a.hashes, 'hex'),
  'first', json_build_object('tx', a.first_tx::text, 'position', a.first_position::text),
  'last', json_build_object('tx', a.last_tx::text, 'position', a.last_position::text),
  'checkpoint', a.checkpoint, 'archivedAt', a.archived_at)`;

/** What is asked for lies in an archive that is not at hand: never a silent hole. */
export function historyArchived({ file, category, events }: ArchiveRecord, why: string): DomainError {
  return new DomainError('history_archived', {
    field: 'LEDGER_ARCHIVE',
    reason: `${events} events of ${category} lie in the archive ${file}, and ${why}`,
  });
}

export const NO_ARCHIVE = 'no folder of archives is configured: set LEDGER_ARCHIVE to the one that holds it';

/** Negative when `one` comes before `other` in the ledger's order. */
export function comparePlaces(one: CursorPoint, other: CursorPoint): number {
  return compareDecimals(one.tx, other.tx) || compareDecimals(one.position, other.position);
}

function compareDecimals(one: string, other: string): number {
  return one.length - other.length || (one === other ? 0 : one < other ? -1 : 1);
}
