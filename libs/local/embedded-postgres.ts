import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { DomainError } from '#libs/kernel';
import { withFileLock } from './file-lock';
import { freePort } from './free-port';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries';
import { clusterFolder, type ClusterFolder, initializeCluster, rememberPort } from './postgres-cluster-folder';
import { readPostmaster, removeIfStale } from './postmaster-pid';
import { unprivilegedUser } from './unprivileged-user';

export interface EmbeddedPostgresOptions {
  /** The folder that holds everything of this server: made when missing. PostgreSQL's own files may lie elsewhere. */
  readonly folder: string;
  /** Settings beyond `SETTINGS`, for a server that we start; one that is adopted keeps what it was started with. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Instead of the programs of the npm package. */
  readonly binaries?: PostgresBinaries;
}

/** A PostgreSQL server on 127.0.0.1 that we started, or that an earlier process started and left. */
export interface EmbeddedPostgres {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  /** True when it already ran: the process that had started it is gone (kill -9), or shares it with us. */
  readonly adopted: boolean;
  readonly pid: number;
  /** PostgreSQL's own data folder, which the server's user owns. */
  readonly dataFolder: string;
  readonly logFile: string;
  /** A connection URL, as the superuser unless another login is named. */
  url(database?: string, user?: string, password?: string): string;
  /** Fast shutdown: open transactions are rolled back, everything committed is kept. Resolves when it has stopped. */
  stop(): Promise<void>;
}

/** Small, durable, and quick to give up on what would hold readers back (the cursor needs short transactions). */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '120',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  fsync: 'on',
  jit: 'off',
  idle_in_transaction_session_timeout: '5s',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] %u@%d ',
};

const START_TIMEOUT_MS = 60_000;
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * Starts the server of `folder`, or adopts it when it runs already. The postmaster gets a process group of its own, so
 * that Ctrl-C on the terminal reaches us and not the database, which has to outlive the application's draining.
 * @throws DomainError('database_unavailable') when PostgreSQL does not come up; the message holds its last words.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true });
  return withFileLock(join(folder, 'start.lock'), async () => {
    const cluster = clusterFolder(folder);
    const user = unprivilegedUser(cluster.dataFolder);
    const binaries = options.binaries ?? postgresBinaries(user);
    const logFile = join(folder, 'postgres.log');
    const initialized = await initializeCluster(cluster, binaries, user);

    const running = await settled(initialized.dataFolder);
    if (running) {
      await untilReady(initialized, undefined, logFile);
      return handle(initialized, binaries, running.pid, running.port, logFile, true);
    }
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort(initialized.port);
      const started = await launch(initialized, binaries, port, logFile, options.settings);
      if (started !== undefined) {
        if (port !== initialized.port) rememberPort(initialized, port);
        return handle(initialized, binaries, started, port, logFile, false);
      }
      if (attempt >= 40 || !passes(lastWords(logFile))) throw startFailed(logFile);
      await delay(250);
    }
  });
}

/** Stops the server of `folder` if one runs, without starting anything. Resolves to whether one ran. */
export async function stopEmbeddedPostgres(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  return withFileLock(join(resolve(folder), 'start.lock'), async () => {
    const { dataFolder } = clusterFolder(resolve(folder));
    const running = await settled(dataFolder);
    if (!running) return false;
    await stopPostmaster(postgresBinaries(unprivilegedUser(dataFolder)), dataFolder);
    return true;
  });
}

/** Stops the server of `folder` and removes all of its files, those that lie elsewhere included. */
export async function removeEmbeddedPostgres(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  await stopEmbeddedPostgres(folder);
  const { dataFolder } = clusterFolder(resolve(folder));
  rmSync(dataFolder, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  // Below /var/tmp the folder around it was made for it too.
  const around = dirname(dataFolder);
  if (existsSync(around) && around.startsWith('/var/tmp/countersign-data-') && readdirSync(around).length === 0) {
    rmdirSync(around);
  }
}

/** What runs, once it is neither starting nor stopping: a server on its way down is not worth adopting. */
async function settled(dataFolder: string): Promise<{ pid: number; port: number } | undefined> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const postmaster = readPostmaster(dataFolder);
    if (!postmaster || removeIfStale(dataFolder, postmaster)) return undefined;
    if (postmaster.status === 'ready' && postmaster.port !== undefined) {
      return { pid: postmaster.pid, port: postmaster.port };
    }
    if (performance.now() > deadline) {
      throw new DomainError('database_unavailable', {
        reason: `PostgreSQL (process ${postmaster.pid}) in ${dataFolder} is still ${postmaster.status ?? 'starting'} after ${START_TIMEOUT_MS / 1000} s; end that process and start again`,
      });
    }
    await delay(25);
  }
}

/** Resolves to the postmaster's process id, or to undefined when it gave up at once and may be tried again. */
async function launch(
  cluster: ClusterFolder,
  binaries: PostgresBinaries,
  port: number,
  logFile: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const user = unprivilegedUser(cluster.dataFolder);
  const settings = Object.entries({ ...SETTINGS, ...extra }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = openLog(logFile);
  const child = spawn(binaries.postgres, ['-D', cluster.dataFolder, '-p', String(port), ...settings], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: cluster.dataFolder,
    windowsHide: true,
    ...(user && { uid: user.uid, gid: user.gid }),
    env: { PATH: process.env.PATH, SYSTEMROOT: process.env.SYSTEMROOT, LC_ALL: 'C', TZ: 'UTC' },
  });
  const spawned = new Promise<void>((done, failed) => {
    child.once('spawn', done);
    child.once('error', failed);
  });
  closeSync(log);
  await spawned;
  child.unref();
  const ready = await untilReady({ ...cluster, port }, child, logFile);
  return ready ? child.pid : undefined;
}

/** Waits until a login works: the pid file says "ready" a moment before that, and recovery can take long. */
async function untilReady(cluster: ClusterFolder, child: ChildProcess | undefined, logFile: string): Promise<boolean> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child && (child.exitCode !== null || child.signalCode !== null)) return false;
    const postmaster = readPostmaster(cluster.dataFolder);
    const ours = !child || postmaster?.pid === child.pid;
    if (ours && postmaster?.status === 'ready' && postmaster.port !== undefined) {
      await assertLogin({ ...cluster, port: postmaster.port }, logFile);
      return true;
    }
    if (performance.now() > deadline) throw startFailed(logFile);
    await delay(15);
  }
}

/** Proves that it is our server (our password) and not another one that happens to listen there. */
async function assertLogin(cluster: ClusterFolder, logFile: string): Promise<void> {
  const client = new Client({ connectionString: urlOf(cluster), connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await client.query('select 1');
  } catch (cause) {
    throw new DomainError('database_unavailable', {
      reason: `PostgreSQL in ${cluster.dataFolder} runs on port ${cluster.port} but refuses our login (see ${logFile}): ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

function handle(
  cluster: ClusterFolder,
  binaries: PostgresBinaries,
  pid: number,
  port: number,
  logFile: string,
  adopted: boolean,
): EmbeddedPostgres {
  const located = { ...cluster, port };
  return {
    host: '127.0.0.1',
    port,
    superuser: cluster.superuser,
    password: cluster.password,
    adopted,
    pid,
    dataFolder: cluster.dataFolder,
    logFile,
    url: (database, user, password) => urlOf(located, database, user, password),
    stop: () => stopPostmaster(binaries, cluster.dataFolder),
  };
}

function urlOf(
  cluster: ClusterFolder,
  database = 'postgres',
  user = cluster.superuser,
  password = cluster.password,
): string {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgresql://${login}@127.0.0.1:${cluster.port}/${encodeURIComponent(database)}`;
}

async function stopPostmaster(binaries: PostgresBinaries, dataFolder: string): Promise<void> {
  for (const mode of ['fast', 'immediate']) {
    const postmaster = readPostmaster(dataFolder);
    if (!postmaster || removeIfStale(dataFolder, postmaster)) return;
    const user = unprivilegedUser(dataFolder);
    const child = spawn(binaries.pgCtl, ['stop', '-D', dataFolder, '-m', mode, '-t', '6', '-s'], {
      stdio: 'ignore',
      detached: true,
      cwd: dataFolder,
      windowsHide: true,
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    const exitCode = await new Promise<number | null>((done, failed) => {
      child.once('error', failed);
      child.once('exit', done);
    });
    if (exitCode === 0) return;
  }
  const left = readPostmaster(dataFolder);
  if (left && !removeIfStale(dataFolder, left)) {
    throw new DomainError('database_unavailable', {
      reason: `PostgreSQL (process ${left.pid}) in ${dataFolder} does not stop; end that process`,
    });
  }
}

function openLog(path: string): number {
  if (existsSync(path) && statSync(path).size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

/** Backends of a postmaster that was killed take a moment to notice; another program may have taken the port. */
function passes(words: string): boolean {
  return /shared memory block|Address already in use|lock file "postmaster.pid"/i.test(words);
}

function lastWords(logFile: string): string {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n') : '';
}

function startFailed(logFile: string): DomainError {
  return new DomainError('database_unavailable', {
    reason: `PostgreSQL did not start; the end of ${logFile}:\n${lastWords(logFile)}`,
  });
}
