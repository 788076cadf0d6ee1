import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ShelvedCategory } from '#contracts/envelope';
import { eventLine } from '#libs/audit';
import type { RecordedEvent } from '#libs/event-store';
import { ARCHIVE_FORMAT, type ArchiveManifest, manifestPath } from './archive-manifest';

const compress = promisify(gzip);

/**
 * Writes an archive, a gzip member for each page, and its manifest; the memory it takes is that of a page. Neither has its
 * name before all of it is on the disk: what was killed leaves a file that begins with a dot, and is written over.
 * @param pages events in the ledger's order, none of them empty.
 * @returns undefined, and leaves nothing, when there was no page.
 */
export async function writeArchive(
  path: string,
  { category, shelf }: { readonly category: ShelvedCategory; readonly shelf: number },
  pages: AsyncIterable<readonly RecordedEvent[]>,
): Promise<ArchiveManifest | undefined> {
  await mkdir(dirname(path), { recursive: true });
  const [content, hashes] = [createHash('sha256'), createHash('sha256')];
  const members: ArchiveManifest['members'] = [];
  let [events, offset] = [0, 0];
  let last: RecordedEvent | undefined;
  await draft(path, async (file) => {
    for await (const page of pages) {
      const [first] = page;
      if (!first) continue;
      const bytes = await compress(page.map((event) => `${eventLine(event)}\n`).join(''));
      await file.writeFile(bytes);
      content.update(bytes);
      for (const event of page) hashes.update(event.hash, 'hex');
      members.push({ offset, bytes: bytes.length, tx: first.tx, position: first.position });
      offset += bytes.length;
      events += page.length;
      last = page.at(-1);
    }
    return last !== undefined;
  });
  const [first] = members;
  if (!first || !last) return undefined;
  const manifest: ArchiveManifest = {
    format: ARCHIVE_FORMAT,
    ...{ category, shelf, events, sha256: content.digest('hex'), hashes: hashes.digest('hex') },
    first: { tx: first.tx, position: first.position },
    last: { tx: last.tx, position: last.position },
    members,
  };
  await draft(manifestPath(path), async (file) => {
    await file.writeFile(`${JSON.stringify(manifest)}\n`);
    return true;
  });
  return manifest;
}

async function draft(path: string, write: (file: FileHandle) => Promise<boolean>): Promise<void> {
  const unfinished = join(dirname(path), `.${basename(path)}.part`);
  const file = await open(unfinished, 'w', 0o640);
  let isWhole = false;
  try {
    isWhole = await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
  if (!isWhole) return rm(unfinished);
  await rename(unfinished, path);
  const folder = await open(dirname(path), 'r');
  await folder.sync().finally(() => folder.close());
}
