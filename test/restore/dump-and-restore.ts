import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { SERVICES } from '#contracts/envelope';
import { ensureOwnerAndDatabase } from '#libs/event-store';
import { type EmbeddedPostgres, migrate } from '#libs/local';
import type { PostgresTools } from '#libs/testing';
import { service as ledger } from '#services/ledger';
import { DATABASE, PASSWORD, urlsOf } from './site';

export interface Dump {
  readonly roles: string;
  readonly database: string;
}

/** A migrated database on a server of its own, with the table of the read model that a `Site` keeps. */
export async function prepare(server: EmbeddedPostgres): Promise<void> {
  await asSuperuser(server, 'postgres', (client) => ensureOwnerAndDatabase(client, DATABASE, PASSWORD));
  const services = SERVICES.map((name) => (name === 'ledger' ? ledger : { name, migrations: [] }));
  const passwords = { app: PASSWORD, services: Object.fromEntries(SERVICES.map((name) => [name, PASSWORD])) };
  await migrate({ url: urlsOf(server).owner, services, passwords });
  await asSuperuser(server, DATABASE, (client) =>
    client.query(`set role countersign_owner;
      create table svc_case.followed (place bigint generated always as identity, name text not null)`),
  );
}

/** docs/operations.md, "Backup and restore": what is done on the old server. */
export async function dump(postgres: PostgresTools, server: EmbeddedPostgres, folder: string): Promise<Dump> {
  const made = { roles: join(folder, 'roles.sql'), database: join(folder, 'countersign.dump') };
  const roles = await postgres.run('pg_dumpall', '--roles-only', `--dbname=${server.url()}`);
  writeFileSync(
    made.roles,
    `${roles
      .split('\n')
      .filter((line) => line.includes('countersign_'))
      .join('\n')}\n`,
  );
  await postgres.run('pg_dump', '--format=custom', `--file=${made.database}`, `--dbname=${urlsOf(server).owner}`);
  return made;
}

/** And on the new one: first the roles, once for the server. */
export async function restoreRoles(postgres: PostgresTools, server: EmbeddedPostgres, { roles }: Dump): Promise<void> {
  await postgres.run('psql', '--quiet', '--set=ON_ERROR_STOP=1', `--dbname=${server.url()}`, `--file=${roles}`);
}

export async function restoreDatabase(
  postgres: PostgresTools,
  server: EmbeddedPostgres,
  made: Dump,
  database = DATABASE,
): Promise<void> {
  await postgres.run('createdb', `--maintenance-db=${server.url()}`, '--owner=countersign_owner', database);
  await postgres.run('pg_restore', '--exit-on-error', `--dbname=${urlsOf(server, database).owner}`, made.database);
}

/** Lets the server's transaction ids run on, as other programs on it do. */
export async function spendTransactions(server: EmbeddedPostgres, count: number): Promise<void> {
  await asSuperuser(server, 'postgres', (client) =>
    client.query(`do $$ begin for i in 1 .. ${count} loop perform pg_current_xact_id(); commit; end loop; end $$`),
  );
}

/** What `countersign ledger adopt` without its guard would face: how far the server has come. */
export async function nextTransaction(server: EmbeddedPostgres): Promise<bigint> {
  const { rows } = await asSuperuser(server, 'postgres', (client) =>
    client.query<{ next: string }>('select pg_snapshot_xmax(pg_current_snapshot())::text as next'),
  );
  return BigInt(rows[0]?.next ?? 0);
}

async function asSuperuser<T>(
  server: EmbeddedPostgres,
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
