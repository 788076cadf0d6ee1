import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DomainError, newId } from '#libs/kernel';
import { createKeyFile } from './key-file';
import { KeyRing } from './key-ring';

/** Its name in the keys folder. */
export const PERSONAL_KEYS = 'personal-data.json';

const FIELD = 'COUNTERSIGN_PERSONAL_KEYS_FILE';
/** Each process has let go of a destroyed key after so long. */
const LOOK_EVERY_MS = 2_000;

/**
 * The file with the ring of keys for personal data: outside the ledger and its backups, so that a key which is destroyed
 * here is nowhere. Every process of an installation has the same file; each looks every 2 s whether it was changed.
 */
export class PersonalKeys {
  /** The services of one process share what they have of a file. */
  private static readonly opened = new Map<string, PersonalKeys>();

  private current: KeyRing;
  private seen: string;
  private users = 0;
  private readonly timer: NodeJS.Timeout;

  private constructor(private readonly file: string) {
    this.seen = versionOf(file);
    this.current = read(file);
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /**
   * @param create whether a missing file is made: of several processes that start at once, the first one's stands.
   * @throws DomainError('invalid_configuration') for a file that is missing or is none.
   */
  static open(file: string, create: boolean): PersonalKeys {
    if (create) createPersonalKeys(file);
    const keys = PersonalKeys.opened.get(file) ?? new PersonalKeys(file);
    PersonalKeys.opened.set(file, keys);
    keys.users += 1;
    return keys;
  }

  ring(): KeyRing {
    return this.current;
  }

  /** Reads the file again when it was changed. A file that cannot be read leaves the keys as they are. */
  look(): void {
    try {
      const version = versionOf(this.file);
      if (version === this.seen) return;
      this.current = read(this.file);
      this.seen = version;
    } catch {
      // It is being replaced, or the folder is gone: the next look tells.
    }
  }

  /**
   * Replaces the ring, on disk first. The old file is overwritten: what the disk itself keeps of it is beyond us.
   * The caller sees to it that one process does this at a time.
   */
  async replace(ring: KeyRing): Promise<void> {
    const draft = `${this.file}.${newId()}`;
    writeFileSync(draft, JSON.stringify(ring), { mode: 0o600, flush: true });
    const old = await open(this.file, 'r+');
    try {
      await rename(draft, this.file);
      const { size } = await old.stat();
      await old.write(Buffer.alloc(size), 0, size, 0);
      await old.sync();
    } finally {
      await old.close();
    }
    const folder = await open(dirname(this.file), 'r');
    await folder.sync().finally(() => folder.close());
    this.look();
  }

  close(): void {
    this.users -= 1;
    if (this.users > 0) return;
    clearInterval(this.timer);
    PersonalKeys.opened.delete(this.file);
  }
}

/** Makes the ring of a new installation; nothing where there is one. Returns whether it was made. */
export function createPersonalKeys(file: string): boolean {
  return createKeyFile(file, JSON.stringify(KeyRing.create()));
}

function read(file: string): KeyRing {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}. A new installation makes it by \`countersign keys create\`; an older one restores it from where it was kept`;
    throw new DomainError('invalid_configuration', { field: FIELD, reason, cause });
  }
  return KeyRing.parse(text);
}

function versionOf(file: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino}:${mtimeMs}:${size}`;
  } catch {
    return '';
  }
}
