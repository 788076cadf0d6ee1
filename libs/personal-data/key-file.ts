import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { newId } from '#libs/kernel';

/** Makes a file with a secret, whole or not at all. Returns whether it did: of several at once, the first one's stands. */
export function createKeyFile(file: string, content: string | Buffer): boolean {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${newId()}`;
  writeFileSync(draft, content, { mode: 0o600, flush: true });
  try {
    // Linking fails when the name exists.
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}
