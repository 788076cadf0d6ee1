import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ServiceName, SERVICES } from '#contracts/envelope';
import type { RolePasswords } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { removeEmbeddedPostgres } from './embedded-postgres';
import { acquireFileLock, type FileLock, fileLockHolder } from './file-lock';
import { stopKafkaBroker } from './kafka-broker';
import { endRecordedProcesses } from './process-record';

/** COUNTERSIGN_DATA: all that a local Countersign keeps. docs/operations.md describes it. */
export interface DataFolder {
  readonly root: string;
  readonly postgres: string;
  readonly kafka: string;
  readonly keys: string;
  readonly logs: string;
  /** The running processes of the cluster mode, a file each. */
  readonly processes: string;
}

export function dataFolder(path: string): DataFolder {
  const root = resolve(path);
  const at = (name: string): string => join(root, name);
  return {
    root,
    postgres: at('postgres'),
    kafka: at('kafka'),
    keys: at('keys'),
    logs: at('logs'),
    processes: at('processes'),
  };
}

/**
 * The names in `DataFolder`, the connector's secrets, the demo's outside systems, and the two files beside them: whatever
 * else is there is not ours.
 */
const OURS = [
  ...['postgres', 'kafka', 'keys', 'secrets', 'targets', 'logs', 'processes'],
  ...['passwords.json', 'countersign.lock'],
];

/**
 * Makes the folder and takes it for this process, so that no two run on the same data. A kill -9 frees it.
 * @throws DomainError('service_unavailable') naming the process that has it.
 */
export async function lockDataFolder(folder: DataFolder): Promise<FileLock> {
  mkdirSync(folder.root, { recursive: true });
  mkdirSync(folder.logs, { recursive: true });
  const file = lockFile(folder);
  try {
    return await acquireFileLock(file, 1_000);
  } catch (cause) {
    const holder = fileLockHolder(file);
    if (holder === undefined) throw cause;
    throw new DomainError('service_unavailable', {
      field: 'COUNTERSIGN_DATA',
      reason: `${folder.root} is in use by process ${holder}, another Countersign; stop that one, or choose another folder`,
      cause,
    });
  }
}

/** The process that runs on the folder now. */
export function dataFolderHolder(folder: DataFolder): number | undefined {
  return fileLockHolder(lockFile(folder));
}

/**
 * Stops what a killed process may have left (services, broker, database) and removes everything that is ours. Files of others in the
 * folder stay, and the folder with them.
 * @throws DomainError('service_unavailable') while a Countersign runs on it.
 */
export async function emptyDataFolder(folder: DataFolder): Promise<void> {
  if (!existsSync(folder.root)) return;
  const lock = await lockDataFolder(folder);
  try {
    await endRecordedProcesses(folder.processes);
    await stopKafkaBroker(folder.kafka);
    await removeEmbeddedPostgres(folder.postgres);
    for (const name of OURS.filter((ours) => ours !== 'countersign.lock')) {
      rmSync(join(folder.root, name), { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
  if (readdirSync(folder.root).length === 0) rmSync(folder.root, { recursive: true });
}

export interface LocalPasswords extends RolePasswords {
  readonly owner: string;
  readonly app: string;
  readonly archivist: string;
  readonly services: Record<ServiceName, string>;
}

/** The passwords of the database roles: made at the first start, kept in `passwords.json` with mode 0600. */
export function localPasswords(folder: DataFolder): LocalPasswords {
  const file = join(folder.root, 'passwords.json');
  const kept: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const known = isRecord(kept) ? kept : {};
  const knownServices = isRecord(known.services) ? known.services : {};
  const passwords: LocalPasswords = {
    owner: passwordOr(known.owner),
    app: passwordOr(known.app),
    archivist: passwordOr(known.archivist),
    services: Object.fromEntries(SERVICES.map((name) => [name, passwordOr(knownServices[name])])) as Record<
      ServiceName,
      string
    >,
  };
  writeFileSync(`${file}.draft`, `${JSON.stringify(passwords, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
  return passwords;
}

function lockFile(folder: DataFolder): string {
  return join(folder.root, 'countersign.lock');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function passwordOr(kept: unknown): string {
  return typeof kept === 'string' && kept !== '' ? kept : randomBytes(24).toString('base64url');
}
