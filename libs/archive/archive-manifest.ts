import { readFile } from 'node:fs/promises';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { SHELVED_CATEGORIES } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { ifThere } from './if-there';

export const ARCHIVE_FORMAT = 'countersign-archive/1';

const Place = Type.Object({ tx: Type.String(), position: Type.String() });
const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' });

/** What stands beside an archive's file: where in it to look. It need not be trusted: the ledger knows both digests. */
export const ArchiveManifest = Type.Object({
  format: Type.Literal(ARCHIVE_FORMAT),
  category: Type.Enum([...SHELVED_CATEGORIES]),
  shelf: Type.Integer(),
  events: Type.Integer({ minimum: 1 }),
  /** Of the file. */
  sha256: Hash,
  /** SHA-256 over the 32 bytes of each event's hash. */
  hashes: Hash,
  first: Place,
  last: Place,
  /** The gzip members that the file is made of, one behind the other; each can be read alone. */
  members: Type.Array(
    Type.Object({
      offset: Type.Integer({ minimum: 0 }),
      bytes: Type.Integer({ minimum: 1 }),
      /** Of its first event. */
      tx: Type.String(),
      position: Type.String(),
    }),
    { minItems: 1 },
  ),
});
export type ArchiveManifest = Static<typeof ArchiveManifest>;

export const archiveName = (category: string, shelf: number): string => `${category}-${shelf}.ndjson.gz`;
export const manifestPath = (archivePath: string): string => archivePath.replace(/\.ndjson\.gz$/, '.json');

/** Undefined where there is none. Throws DomainError('ledger_damaged') for a file that is no manifest. */
export async function readManifest(archivePath: string): Promise<ArchiveManifest | undefined> {
  const path = manifestPath(archivePath);
  const text = await ifThere(readFile(path, 'utf8'));
  if (text === undefined) return undefined;
  const value = parsed(text);
  if (Check(ArchiveManifest, value)) return value;
  throw new DomainError('ledger_damaged', { field: path, reason: `is not the manifest of a ${ARCHIVE_FORMAT}` });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
