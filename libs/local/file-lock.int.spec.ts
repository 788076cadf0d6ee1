import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTypeScript } from '#libs/testing';
import { acquireFileLock, fileLockHolder, tryFileLock, withFileLock } from './file-lock';

const folder = mkdtempSync(join(tmpdir(), 'countersign-lock-'));
const path = join(folder, 'a.lock');
afterAll(() => rm(folder, { recursive: true }));

/** A process of its own that takes the lock, says so, and keeps it. */
function holder() {
  return runTypeScript(`
    import { acquireFileLock } from '#libs/local';
    acquireFileLock(${JSON.stringify(path)}).then(() => {
      console.log('locked');
      setInterval(() => undefined, 1000);
    });`);
}

describe('a file lock', () => {
  it('is held by one, who is named to the others, until it is released', async () => {
    const lock = await acquireFileLock(path);
    expect(tryFileLock(path)).toEqual({ heldBy: process.pid });
    expect(fileLockHolder(path)).toBe(process.pid);
    lock.release();
    expect(fileLockHolder(path)).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('is refused while another process holds it, and free once that one was killed', async () => {
    const other = holder();
    expect(await other.nextLine()).toBe('locked');
    await expect(acquireFileLock(path, 50)).rejects.toThrow(new RegExp(`held by process ${other.pid}`));
    other.kill('SIGKILL');
    await other.ended();
    const lock = await acquireFileLock(path);
    lock.release();
  });

  it('is taken by one at a time, however many find the lock of a dead process at once', async () => {
    writeFileSync(path, JSON.stringify({ pid: 1, process: 'long gone', nonce: 'n' }));
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        withFileLock(path, async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is free again when a power failure has left it empty', async () => {
    writeFileSync(path, '');
    const lock = await acquireFileLock(path);
    lock.release();
  });
});
