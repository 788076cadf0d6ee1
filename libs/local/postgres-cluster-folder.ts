import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DomainError } from '#libs/kernel';
import type { PostgresBinaries } from './postgres-binaries';
import { canReach, reachableFolder, type RunAs, unprivilegedUser } from './unprivileged-user';

/** Where a server's files lie and how to log in: kept in `<folder>/server.json`, mode 0600. */
export interface ClusterFolder {
  readonly folder: string;
  readonly dataFolder: string;
  readonly superuser: string;
  readonly password: string;
  /** The port of the last start, kept so that URLs stay valid; 0 before the first. */
  readonly port: number;
}

/**
 * Reads `<folder>/server.json`, or makes it. As root, PostgreSQL runs as another user: when that one cannot reach
 * `folder` (a clone below a closed home), its data goes below /var/tmp and server.json says where.
 */
export function clusterFolder(folder: string): ClusterFolder {
  const file = join(folder, 'server.json');
  if (existsSync(file)) return parseServerFile(file, folder);
  mkdirSync(folder, { recursive: true });
  const user = unprivilegedUser();
  const elsewhere = user !== undefined && !canReach(user, folder);
  // Elsewhere under a name of its own: the folder of this path may have been moved, and its data must stay.
  const dataFolder = elsewhere
    ? join(reachableFolder(folder, 'data'), randomBytes(6).toString('hex'))
    : join(folder, 'data');
  const cluster: ClusterFolder = {
    folder,
    dataFolder,
    superuser: 'postgres',
    password: randomBytes(24).toString('base64url'),
    port: 0,
  };
  write(cluster);
  return cluster;
}

export function rememberPort(cluster: ClusterFolder, port: number): void {
  write({ ...cluster, port });
}

/** Runs initdb when there is no data yet. It works in a draft that is renamed when whole: a kill -9 leaves no half one. */
export async function initializeCluster(
  cluster: ClusterFolder,
  binaries: PostgresBinaries,
  user: RunAs | undefined,
): Promise<ClusterFolder> {
  if (existsSync(join(cluster.dataFolder, 'PG_VERSION'))) return cluster;
  const draft = `${cluster.dataFolder}.draft`;
  const passwordFile = `${cluster.dataFolder}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(draft), { recursive: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, cluster.password, { mode: 0o600 });
  if (user) for (const path of [draft, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    await runInitdb(binaries, draft, cluster.superuser, passwordFile, user);
    renameSync(draft, cluster.dataFolder);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  return cluster;
}

/** Text sorts by code point (locale C: the same order on every machine), and from 17 on upper/lower know Unicode. */
async function runInitdb(
  { initdb, major }: PostgresBinaries,
  dataFolder: string,
  superuser: string,
  passwordFile: string,
  user: RunAs | undefined,
): Promise<void> {
  const args = [
    `--pgdata=${dataFolder}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...(major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []),
    '--no-instructions',
  ];
  const child = spawn(initdb, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: dirname(dataFolder),
    windowsHide: true,
    env: { PATH: process.env.PATH, SYSTEMROOT: process.env.SYSTEMROOT, LC_ALL: 'C', TZ: 'UTC' },
    ...(user && { uid: user.uid, gid: user.gid }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = await new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('close', done);
  });
  if (exitCode !== 0) {
    throw new DomainError('database_unavailable', {
      reason: `initdb could not make a database in ${dataFolder}:\n${output.trimEnd()}`,
    });
  }
}

function write(cluster: ClusterFolder): void {
  const file = join(cluster.folder, 'server.json');
  writeFileSync(`${file}.draft`, `${JSON.stringify(cluster, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
}

function parseServerFile(file: string, folder: string): ClusterFolder {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (
    typeof value === 'object' &&
    value !== null &&
    'dataFolder' in value &&
    typeof value.dataFolder === 'string' &&
    'superuser' in value &&
    typeof value.superuser === 'string' &&
    'password' in value &&
    typeof value.password === 'string' &&
    'port' in value &&
    typeof value.port === 'number'
  ) {
    // A folder that was moved keeps its data beside server.json, unless that lies outside of it.
    const { folder: writtenFor } = value as { folder?: unknown };
    const moved = typeof writtenFor === 'string' && value.dataFolder === join(writtenFor, 'data');
    const { superuser, password, port } = value;
    return { folder, dataFolder: moved ? join(folder, 'data') : value.dataFolder, superuser, password, port };
  }
  throw new DomainError('invalid_configuration', {
    field: file,
    reason:
      'it does not hold the login of the embedded PostgreSQL; npm run reset makes a new one (and empties the data)',
  });
}
