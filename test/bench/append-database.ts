import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrateLedger, MIGRATION_STEPS, OWNER_ROLE, ensureOwnerAndDatabase } from '#libs/event-store';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '#libs/local';

export interface AppendDatabase {
  /** As the role of service `case`. */
  readonly url: string;
  /** Both sides begin each round alike: nothing of the last one is left to be flushed. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = 'bench';

/**
 * A PostgreSQL of its own, durable as in production, with the ledger and its twin: schema `raw` with the same table,
 * partition and indexes, and no row security.
 */
export async function appendDatabase(): Promise<AppendDatabase> {
  const parent = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const folder = join(parent, 'postgres');
  const server = await startEmbeddedPostgres({ folder, settings: { max_wal_size: '4GB' } });
  const admin = new Client({ connectionString: server.url() });
  await admin.connect();
  await ensureOwnerAndDatabase(admin, 'bench', PASSWORD);
  await admin.end();

  const superuser = new Client({ connectionString: server.url('bench') });
  await superuser.connect();
  await migrateLedger(superuser, { services: { case: PASSWORD } });
  await superuser.query(`set role ${OWNER_ROLE}`);
  await superuser.query('create schema raw');
  for (const { sql } of MIGRATION_STEPS) await superuser.query(sql.replaceAll('ledger.', 'raw.'));
  await superuser.query(`
    create table raw.events_case partition of raw.events for values in ('case');
    grant usage on schema raw to countersign_case;
    grant select, insert on raw.events, raw.events_case to countersign_case;
    reset role`);
  return {
    url: server.url('bench', 'countersign_case', PASSWORD),
    settle: async () => {
      await superuser.query('vacuum analyze ledger.events, raw.events');
      await superuser.query('checkpoint');
    },
    stop: async () => {
      await superuser.end();
      await server.stop();
      await removeEmbeddedPostgres(folder);
      rmSync(parent, { recursive: true, force: true });
    },
  };
}
