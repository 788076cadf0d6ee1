import { createHash, randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import type { ServiceName } from '#contracts/envelope';
import { APP_ROLE, ARCHIVIST_ROLE, OWNER_ROLE, serviceRole } from '#libs/event-store';
import type { EmbeddedPostgres } from '#libs/local';
import { joinTestServer, leaveTestServer, TEST_PASSWORD } from './test-server';

/** What a fresh database is copied from: made once for each key, by all test processes together. */
export interface DatabaseTemplate {
  /** Changes whenever `prepare` would do something else. */
  readonly key: string;
  /** Fills the template, an empty database that countersign_owner owns. */
  prepare(urls: { readonly ownerUrl: string; readonly superuserUrl: string }): Promise<void>;
}

/** A database with the roles of Countersign and nothing in it. */
export const EMPTY_DATABASE: DatabaseTemplate = { key: 'empty', prepare: () => Promise.resolve() };

/** The database of one spec file. Its members can be read once the file's `beforeAll` has run. */
export interface TestPostgres {
  readonly database: string;
  readonly superuserUrl: string;
  readonly ownerUrl: string;
  /** As countersign_app, which does SET ROLE for each service. */
  readonly appUrl: string;
  /** As countersign_archivist. */
  readonly archivistUrl: string;
  /** As that service's own role. */
  urlFor(service: ServiceName): string;
  /** A pool as that service's role; all pools are closed when the file's tests are over. */
  pool(service: ServiceName): Pool;
  ownerPool(): Pool;
}

/**
 * Gives the spec file (or the `describe` it is called in) a database of its own on the shared test server, copied from
 * a template, and drops it at the end. Call it outside of tests:
 * `const postgres = usePostgres();` ... `postgres.pool('case')`.
 */
export function usePostgres(template: DatabaseTemplate): TestPostgres {
  let open: { database: string; server: EmbeddedPostgres } | undefined;
  const pools = new Map<string, Pool>();

  beforeAll(async () => {
    const server = await joinTestServer();
    open = { server, database: await createDatabase(server, template) };
  });
  afterAll(async () => {
    await Promise.all([...pools.values()].map((pool) => pool.end()));
    if (open) await onServer(open.server, dropDatabase(open.database));
    leaveTestServer();
  });

  const url = (user: string): string => {
    if (!open) throw new Error('usePostgres: the database is made in beforeAll; read it inside of tests and hooks');
    return user === open.server.superuser
      ? open.server.url(open.database)
      : open.server.url(open.database, user, TEST_PASSWORD);
  };
  const pool = (user: string): Pool => {
    const known = pools.get(user);
    if (known) return known;
    const made = new Pool({ connectionString: url(user), max: 8 });
    // A connection that dies while idle would end the process; the query that needs it reports the error anyway.
    made.on('error', () => undefined);
    pools.set(user, made);
    return made;
  };
  return {
    get database() {
      url(OWNER_ROLE);
      return open?.database ?? '';
    },
    get superuserUrl() {
      return url('postgres');
    },
    get ownerUrl() {
      return url(OWNER_ROLE);
    },
    get appUrl() {
      return url(APP_ROLE);
    },
    get archivistUrl() {
      return url(ARCHIVIST_ROLE);
    },
    urlFor: (service) => url(serviceRole(service)),
    pool: (service) => pool(serviceRole(service)),
    ownerPool: () => pool(OWNER_ROLE),
  };
}

async function createDatabase(server: EmbeddedPostgres, template: DatabaseTemplate): Promise<string> {
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`;
  const source = await ensureTemplate(server, template);
  await onServer(server, (client) => client.query(`create database ${name} template ${source} owner ${OWNER_ROLE}`));
  return name;
}

/** An advisory lock of the session, so that parallel workers make each template once. */
async function ensureTemplate(server: EmbeddedPostgres, template: DatabaseTemplate): Promise<string> {
  const digest = createHash('sha256').update(template.key).digest('hex').slice(0, 16);
  const name = `template_${digest}`;
  await onServer(server, async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name]);
    const found = await client.query('select from pg_database where datname = $1', [name]);
    if (found.rowCount) return;
    const draft = `draft_${digest}`;
    await dropDatabase(draft)(client);
    await client.query(`create database ${draft} owner ${OWNER_ROLE}`);
    await template.prepare({
      ownerUrl: server.url(draft, OWNER_ROLE, TEST_PASSWORD),
      superuserUrl: server.url(draft),
    });
    await dropOldTemplates(client);
    await client.query(`alter database ${draft} rename to ${name}`);
  });
  return name;
}

/** Templates of migrations that have changed since are of no use any more: the oldest go. */
async function dropOldTemplates(client: Client, keep = 24): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    `select datname from pg_database where datname like 'template\\_%' order by oid desc offset $1`,
    [keep],
  );
  for (const { datname } of rows) await dropDatabase(datname)(client);
}

function dropDatabase(name: string): (client: Client) => Promise<unknown> {
  return (client) => client.query(`drop database if exists ${name} with (force)`);
}

async function onServer<T>(server: EmbeddedPostgres, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
