import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DomainError } from '#libs/kernel';

/** Whom PostgreSQL runs as: it refuses to run as root. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/**
 * The user for a program that refuses root, or undefined when we are not root (or on Windows) and it runs as ourselves.
 * The owner of `existing`, a data folder from an earlier start, comes first: only that user can use it.
 */
export function unprivilegedUser(existing?: string): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readPasswd().filter((user) => user.uid !== 0);
  if (existing && existsSync(existing)) {
    const { uid, gid } = statSync(existing);
    if (uid !== 0) return { uid, gid, name: users.find((user) => user.uid === uid)?.name ?? String(uid) };
  }
  const found = ['postgres', 'nobody', 'daemon'].flatMap((name) => users.filter((user) => user.name === name))[0];
  const user = found ?? users[0];
  if (!user) {
    throw new DomainError('invalid_configuration', {
      reason:
        'PostgreSQL refuses to run as root and this machine has no other user; make one, or start as another user',
    });
  }
  return user;
}

/** Whether `user` can enter the folder or run the program: asked of the system, as that user, so that every rule counts. */
export function canReach(user: RunAs, path: string): boolean {
  const { status } = spawnSync('/bin/sh', ['-c', 'test -x "$0"', path], {
    uid: user.uid,
    gid: user.gid,
    cwd: '/',
    stdio: 'ignore',
  });
  return status === 0;
}

/**
 * A folder that every user can reach, for what lies below a closed home. Always the same one for the same `wanted`.
 * @throws DomainError('invalid_configuration') when somebody else made that folder before us.
 */
export function reachableFolder(wanted: string, purpose: string): string {
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  const folder = join('/var/tmp', `countersign-${purpose}-${key}`);
  mkdirSync(folder, { recursive: true });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== 0) {
    throw new DomainError('invalid_configuration', {
      reason: `${folder} is needed for ${wanted}, which PostgreSQL's user cannot reach, but it belongs to another user; remove it`,
    });
  }
  // Whatever the umask said.
  chmodSync(folder, 0o755);
  return folder;
}

/** The nearest folder at or above `path` that exists. */
export function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

function readPasswd(): RunAs[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}
