import { createHash } from 'node:crypto';
import { comparePlaces, eventHash, type RecordedEvent } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import type { ArchiveFile } from './archive-file';

/** What of an archive has been read and holds; hexadecimal. */
export interface VerifiedArchive {
  readonly events: number;
  readonly sha256: string;
  readonly hashes: string;
  readonly streams: readonly string[];
}

export interface ArchiveCheck {
  /** The hash that the archived part of a stream before this one has ended with, at that version. */
  readonly hashBefore: (stream: string, version: number) => Promise<string | undefined>;
  /** Is shown each page, in the ledger's order. */
  readonly onPage?: (events: readonly RecordedEvent[]) => Promise<void>;
}

/**
 * Reads an archive whole: each event's hash is that of its content and the one before on its stream, versions are dense,
 * and places ascend. It keeps a head for each stream.
 * @throws DomainError('ledger_damaged') naming what is not as it was archived.
 */
export async function verifyArchive(file: ArchiveFile, check: ArchiveCheck): Promise<VerifiedArchive> {
  const [content, hashes] = [createHash('sha256'), createHash('sha256')];
  const heads = new Map<string, { version: number; hash: string }>();
  let events = 0;
  let last: RecordedEvent | undefined;
  const { category, shelf } = file.manifest;
  const damaged = ({ stream, version }: RecordedEvent, what: string) =>
    new DomainError('ledger_damaged', `Archive ${category}-${shelf}: event ${version} of ${stream} ${what}.`);
  for await (const page of file.members((bytes) => content.update(bytes))) {
    for (const event of page) {
      const { stream, version, hash } = event;
      if (event.category !== category) throw damaged(event, `is of ${event.category}`);
      if (last && comparePlaces(last, event) >= 0) throw damaged(event, 'is out of order');
      const head = heads.get(stream) ?? { version: version - 1, hash: await before(check, event) };
      if (version !== head.version + 1) throw damaged(event, 'does not follow the one before');
      if (eventHash(event, head.hash) !== hash) throw damaged(event, 'does not have its hash');
      heads.set(stream, { version, hash });
      hashes.update(hash, 'hex');
      events += 1;
      last = event;
    }
    await check.onPage?.(page);
  }
  return { events, sha256: content.digest('hex'), hashes: hashes.digest('hex'), streams: [...heads.keys()] };
}

async function before({ hashBefore }: ArchiveCheck, event: RecordedEvent): Promise<string> {
  if (event.version === 1) return '';
  const hash = await hashBefore(event.stream, event.version - 1);
  if (hash !== undefined) return hash;
  throw new DomainError(
    'ledger_damaged',
    `${event.stream} has no event ${event.version - 1} that ${event.version} follows.`,
  );
}
