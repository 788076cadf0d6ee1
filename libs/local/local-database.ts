import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { ServiceName } from '#contracts/envelope';
import { APP_ROLE, ARCHIVIST_ROLE, ensureOwnerAndDatabase, OWNER_ROLE, serviceRole } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { type DataFolder, type LocalPasswords, localPasswords } from './data-folder';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres';
import { clusterFolder } from './postgres-cluster-folder';
import { readPostmaster } from './postmaster-pid';
import { isAlive } from './process-identity';

const DATABASE = 'countersign';
const WATCH_MS = 500;

/** The embedded PostgreSQL of a data folder, with the owner's login and an empty or migrated database `countersign`. */
export interface LocalDatabase {
  readonly server: EmbeddedPostgres;
  readonly passwords: LocalPasswords;
  /** MIGRATION_URL: as countersign_owner. */
  readonly migrationUrl: string;
  /** LEDGER_URL of all-in-one: as countersign_app. */
  readonly appUrl: string;
  /** LEDGER_URL of a service in a process of its own. */
  urlFor(service: ServiceName): string;
  stop(): Promise<void>;
}

/**
 * Starts or adopts it, and from then on starts it again whenever it dies (kill -9, out of memory): the services
 * reconnect by themselves.
 * @param report is told what happened to the server, for the log.
 */
export async function startLocalDatabase(
  folder: DataFolder,
  report: (message: string) => void = () => undefined,
): Promise<LocalDatabase> {
  const passwords = localPasswords(folder);
  let server = await startEmbeddedPostgres({ folder: folder.postgres });
  if (server.adopted) report(`adopted the PostgreSQL that was running (process ${server.pid})`);
  await prepare(server, passwords.owner);

  let restarting: Promise<void> | undefined;
  let stopped = false;
  const restart = async (): Promise<void> => {
    report(`PostgreSQL (process ${server.pid}) has died; starting it again`);
    const again = await startEmbeddedPostgres({ folder: folder.postgres });
    if (again.port !== server.port) {
      await again.stop();
      throw new DomainError('database_unavailable', {
        reason: `another program has taken port ${server.port}, which the services know PostgreSQL by; start Countersign again`,
      });
    }
    server = again;
    report(`PostgreSQL runs again (process ${server.pid})`);
  };
  const watch = setInterval(() => {
    if (stopped || restarting || isAlive(server.pid)) return;
    restarting = restart()
      .catch((error: unknown) => report(error instanceof Error ? error.message : String(error)))
      .finally(() => (restarting = undefined));
  }, WATCH_MS);
  watch.unref();

  return {
    get server() {
      return server;
    },
    passwords,
    migrationUrl: server.url(DATABASE, OWNER_ROLE, passwords.owner),
    appUrl: server.url(DATABASE, APP_ROLE, passwords.app),
    urlFor: (service) => server.url(DATABASE, serviceRole(service), passwords.services[service]),
    async stop() {
      stopped = true;
      clearInterval(watch);
      await restarting;
      await server.stop();
    },
  };
}

/**
 * MIGRATION_URL, or ARCHIVE_URL, of the embedded PostgreSQL that runs on the folder now; undefined when none does. Starts
 * nothing.
 */
export function runningDatabaseUrl(folder: DataFolder, as: 'owner' | 'archivist' = 'owner'): string | undefined {
  const files = [join(folder.postgres, 'server.json'), join(folder.root, 'passwords.json')];
  if (!files.every((file) => existsSync(file))) return undefined;
  const server = readPostmaster(clusterFolder(folder.postgres).dataFolder);
  if (server?.status !== 'ready' || server.port === undefined || !isAlive(server.pid)) return undefined;
  const role = as === 'owner' ? OWNER_ROLE : ARCHIVIST_ROLE;
  return `postgres://${role}:${encodeURIComponent(localPasswords(folder)[as])}@127.0.0.1:${server.port}/${DATABASE}`;
}

async function prepare(server: EmbeddedPostgres, ownerPassword: string): Promise<void> {
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    await ensureOwnerAndDatabase(client, DATABASE, ownerPassword);
  } finally {
    await client.end();
  }
}
