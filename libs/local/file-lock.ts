import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';
import { processIdentity } from './process-identity';

/** A lock that a file is, held by this process until `release`. A kill -9 of the holder frees it: see `isHeld`. */
export interface FileLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly process: string;
  readonly nonce: string;
}

/**
 * Takes the lock, or returns the process id of who holds it. Never waits.
 * @param path of the lock file; its folder is made.
 */
export function tryFileLock(path: string): FileLock | { readonly heldBy: number } {
  mkdirSync(dirname(path), { recursive: true });
  const mine: Holder = { pid: process.pid, process: processIdentity(process.pid) ?? '', nonce: randomUUID() };
  const draft = `${path}.${mine.nonce}`;
  writeFileSync(draft, JSON.stringify(mine));
  try {
    for (;;) {
      try {
        // A link, not an exclusive create: the lock file has its whole content from the first moment.
        linkSync(draft, path);
        return { release: () => releaseHolder(path, mine.nonce) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readHolder(path);
      if (holder === undefined) continue;
      if (isHeld(holder)) return { heldBy: holder.pid };
      if (!removeStale(path, holder)) return { heldBy: holder.pid };
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Waits for the lock.
 * @param timeoutMs after which it throws DomainError('service_unavailable'), naming the holder.
 */
export async function acquireFileLock(path: string, timeoutMs = 60_000): Promise<FileLock> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const lock = tryFileLock(path);
    if ('release' in lock) return lock;
    if (performance.now() > deadline) {
      throw new DomainError('service_unavailable', {
        reason: `the lock ${path} is held by process ${lock.heldBy}; stop that process, or wait until it is done`,
      });
    }
    await delay(25);
  }
}

/** Runs `work` under the lock and frees it afterwards, whatever happened. */
export async function withFileLock<T>(path: string, work: () => Promise<T>, timeoutMs?: number): Promise<T> {
  const lock = await acquireFileLock(path, timeoutMs);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** The process that holds the lock now, if any: to tell the user who it is. */
export function fileLockHolder(path: string): number | undefined {
  const holder = readHolder(path);
  return holder && isHeld(holder) ? holder.pid : undefined;
}

function isHeld(holder: Holder): boolean {
  return processIdentity(holder.pid) === holder.process;
}

/**
 * Removes the lock of a process that is gone. Two that find it stale at once must not remove each other's new lock, so
 * who removes it holds a second lock, named after the stale one.
 */
function removeStale(path: string, holder: Holder): boolean {
  const removal = tryFileLock(`${path}.stale-${holder.nonce}`);
  if (!('release' in removal)) return false;
  try {
    releaseHolder(path, holder.nonce);
    return true;
  } finally {
    removal.release();
  }
}

function releaseHolder(path: string, nonce: string): void {
  if (readHolder(path)?.nonce === nonce) rmSync(path, { force: true });
}

function readHolder(path: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const value: unknown = parse(text);
  if (typeof value === 'object' && value !== null && 'pid' in value && 'process' in value && 'nonce' in value) {
    return { pid: Number(value.pid), process: String(value.process), nonce: String(value.nonce) };
  }
  // A power failure can leave an empty file: nobody holds it, and its content is its name.
  return { pid: 0, process: 'nobody', nonce: 'damaged' };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
