import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { DomainError } from '#libs/kernel';
import type { LocalList } from '../domain/local-list';
import { isListFile, parseListFile } from './list-file';

/** Larger files are refused. Bytes. */
export const LARGEST_LIST_FILE = 64 * 1024 * 1024;

/** What has changed in the folder since it was looked at before. */
export type DatasetChange =
  | { readonly kind: 'loaded'; readonly name: string; readonly digest: string; readonly list: LocalList }
  | { readonly kind: 'refused'; readonly name: string; readonly reason: string }
  | { readonly kind: 'removed'; readonly name: string };

/**
 * A folder of lists, at any depth. It is looked at again and again rather than watched: notifications do not come from
 * every mount.
 */
export class DatasetFolder {
  private readonly seen = new Map<string, string>();

  constructor(private readonly folder: string) {}

  /** Reads what is new or different. @throws DomainError('invalid_configuration') when the folder cannot be read. */
  async changes(): Promise<DatasetChange[]> {
    const names = await this.names();
    const changes: DatasetChange[] = [];
    for (const name of [...this.seen.keys()].filter((known) => !names.includes(known))) {
      this.seen.delete(name);
      changes.push({ kind: 'removed', name });
    }
    for (const name of names) {
      const change = await this.changeOf(name);
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  private async names(): Promise<string[]> {
    try {
      const entries = await readdir(this.folder, { withFileTypes: true, recursive: true });
      return entries
        .filter((entry) => !entry.isDirectory() && isListFile(entry.name) && !entry.name.startsWith('.'))
        .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((name) => !name.split('/').some((part) => part.startsWith('.')))
        .sort();
    } catch (cause) {
      throw new DomainError('invalid_configuration', {
        field: 'COUNTERSIGN_DATASETS_DIR',
        reason: `The folder ${this.folder} cannot be read.`,
        cause,
      });
    }
  }

  private async changeOf(name: string): Promise<DatasetChange | undefined> {
    const path = join(this.folder, name);
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const signature = `${mtimeMs} ${size} ${ino}`;
      if (this.seen.get(name) === signature) return undefined;
      this.seen.set(name, signature);
      if (size > LARGEST_LIST_FILE) return { kind: 'refused', name, reason: 'The file is larger than 64 MiB.' };
      const bytes = await readFile(path);
      const digest = createHash('sha256').update(bytes).digest('hex');
      return { kind: 'loaded', name, digest, list: parseListFile(name, bytes) };
    } catch (error) {
      return { kind: 'refused', name, reason: error instanceof Error ? error.message : String(error) };
    }
  }
}
