import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { SERVICES } from '#contracts/envelope';
import { APP_ROLE, ensureOwnerAndDatabase, ensureServiceRoles, OWNER_ROLE } from '#libs/event-store';
import {
  type EmbeddedPostgres,
  isAlive,
  removeEmbeddedPostgres,
  repositoryRoot,
  startEmbeddedPostgres,
  stopEmbeddedPostgres,
  withFileLock,
} from '#libs/local';

/** The password of every role on the test server, which listens on loopback only and holds nothing but tests. */
export const TEST_PASSWORD = 'test';

const user = process.getuid?.() ?? 0;
/** One server for all spec files and runs of this checkout; others have their own. */
const folder = join(
  tmpdir(),
  `countersign-test-${user}-${createHash('sha256').update(repositoryRoot).digest('hex').slice(0, 8)}`,
);
const usersFolder = join(folder, 'users');

/** How often this process has joined and not yet left. */
let users = 0;

/** Losing power in the middle of a test loses nothing that anybody wants back. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  autovacuum_naptime: '5min',
};

/** Starts or adopts the test server, and notes that this process uses it until `leaveTestServer`. */
export async function joinTestServer(): Promise<EmbeddedPostgres> {
  users += 1;
  mkdirSync(usersFolder, { recursive: true });
  writeFileSync(join(usersFolder, String(process.pid)), '');
  return withFileLock(join(folder, 'server.lock'), async () => {
    const server = await start();
    await prepare(server);
    return server;
  });
}

export function leaveTestServer(): void {
  users -= 1;
  if (users === 0) rmSync(join(usersFolder, String(process.pid)), { force: true });
}

/** Stops the test server unless another process still uses it. Resolves to whether it is down now. */
export async function stopTestServer(): Promise<boolean> {
  mkdirSync(usersFolder, { recursive: true });
  return withFileLock(join(folder, 'server.lock'), async () => {
    const others = readdirSync(usersFolder).filter((pid) => Number(pid) !== process.pid && isAlive(Number(pid)));
    if (others.length > 0) return false;
    await stopEmbeddedPostgres(join(folder, 'postgres'));
    return true;
  });
}

/** Without fsync, a machine that crashed leaves data that may not start again: then it begins anew. */
async function start(): Promise<EmbeddedPostgres> {
  const options = { folder: join(folder, 'postgres'), settings: SETTINGS };
  try {
    return await startEmbeddedPostgres(options);
  } catch {
    await removeEmbeddedPostgres(options.folder);
    return startEmbeddedPostgres(options);
  }
}

/** Once for each server: its comment on the database `countersign` says that it is done, and for which services. */
async function prepare(server: EmbeddedPostgres): Promise<void> {
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    const mark = `ready for ${SERVICES.join(', ')} and the archivist`;
    const done = await client.query(
      `select from pg_database where datname = 'countersign' and shobj_description(oid, 'pg_database') = $1`,
      [mark],
    );
    if (server.adopted && done.rowCount) return;
    await ensureOwnerAndDatabase(client, 'countersign', TEST_PASSWORD);
    await ensureServiceRoles(client, {
      app: TEST_PASSWORD,
      archivist: TEST_PASSWORD,
      services: Object.fromEntries(SERVICES.map((service) => [service, TEST_PASSWORD])),
    });
    await client.query(`grant ${APP_ROLE} to ${OWNER_ROLE} with admin option`);
    await dropLeftovers(client);
    await client.query(`comment on database countersign is ${client.escapeLiteral(mark)}`);
  } finally {
    await client.end();
  }
}

/** Databases of test processes that were killed before they could drop them. */
async function dropLeftovers(client: Client): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    `select datname from pg_database where datname ~ '^test_\\d+_'`,
  );
  for (const { datname } of rows) {
    const pid = Number(datname.split('_')[1]);
    if (!isAlive(pid)) await client.query(`drop database if exists ${client.escapeIdentifier(datname)} with (force)`);
  }
}
