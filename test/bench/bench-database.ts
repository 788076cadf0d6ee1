import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { ensureOwnerAndDatabase, LEAF_STORAGE, MIGRATION_STEPS, OWNER_ROLE } from '../../libs/event-store';
import { migrate, removeEmbeddedPostgres, startEmbeddedPostgres } from '../../libs/local';
import type { ServiceDefinition } from '../../libs/service';
import { benchFailed } from './report';

/** One PostgreSQL server, for us and for all that we are measured against. */
export interface BenchDatabase {
  /** The ledger and, in schema `raw`, its twin; as the role of service `case`. */
  readonly url: string;
  /** The same as the superuser, who may act as everybody. */
  readonly superuserUrl: string;
  /** An empty database of its own, as its owner. */
  readonly emmettUrl: string;
  /** Fills the twin with exactly the events of the ledger. */
  copyLedgerToTwin(): Promise<void>;
  /** The shelf that new streams go to. */
  shelfNow(): Promise<number>;
  /** All sides begin each round alike: nothing of the last one is left to be flushed. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = 'bench';
const COLUMNS =
  'category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash, tx, position';

/**
 * Runs `work` on a database of its own, of which nothing is left. What goes wrong is told before the server stops under
 * the connections of who is measured.
 */
export async function onBenchDatabase(
  services: readonly Pick<ServiceDefinition, 'name' | 'migrations'>[],
  work: (database: BenchDatabase) => Promise<void>,
): Promise<void> {
  const database = await benchDatabase(services);
  try {
    await work(database);
  } catch (error) {
    benchFailed(error);
    // Whoever is still connected hears that the server stops: that must not end the process before all is removed.
    process.on('uncaughtException', () => undefined);
  } finally {
    await database.stop();
  }
}

/**
 * A PostgreSQL of its own, durable as in production, with the ledger and its twin: schema `raw` with the same table,
 * partition and indexes, and no row security.
 * @param services whose tables are made, too.
 */
async function benchDatabase(
  services: readonly Pick<ServiceDefinition, 'name' | 'migrations'>[],
): Promise<BenchDatabase> {
  const parent = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const folder = join(parent, 'postgres');
  const server = await startEmbeddedPostgres({ folder, settings: { max_wal_size: '4GB' } });
  const admin = new Client({ connectionString: server.url() });
  await admin.connect();
  await ensureOwnerAndDatabase(admin, 'bench', PASSWORD);
  await admin.query('create database emmett');
  await admin.end();
  await migrate({ url: server.url('bench'), services, passwords: { services: { case: PASSWORD } } });

  const superuser = await connected(server.url('bench'));
  await superuser.query(`set role ${OWNER_ROLE}`);
  await superuser.query('create schema raw');
  for (const { sql } of MIGRATION_STEPS) await superuser.query(sql.replaceAll('ledger.', 'raw.'));
  await superuser.query(`
    create table raw.events_case partition of raw.events (primary key (category, stream, version),
      unique (category, id)) for values in ('case') with (${LEAF_STORAGE});
    create table raw.events_alert partition of raw.events for values in ('alert') partition by list (shelf);
    grant usage on schema raw to countersign_case;
    grant select, insert on raw.events, raw.events_case, raw.events_alert to countersign_case`);
  const shelves = await superuser.query<{ shelf: number }>(`select shelf from ledger.shelves where category = 'alert'`);
  for (const { shelf } of shelves.rows) {
    await superuser.query(`create table raw.events_alert_${shelf} partition of raw.events_alert
      (primary key (category, stream, version), unique (category, id)) for values in (${shelf}) with (${LEAF_STORAGE})`);
  }
  await superuser.query('reset role');
  const stop = async (): Promise<void> => {
    await superuser.end();
    await server.stop();
    await removeEmbeddedPostgres(folder);
    rmSync(parent, { recursive: true, force: true });
  };
  // The server has a process group of its own: it would outlive a Ctrl-C.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(1)));
  }
  return {
    url: server.url('bench', 'countersign_case', PASSWORD),
    superuserUrl: server.url('bench'),
    emmettUrl: server.url('emmett'),
    copyLedgerToTwin: async () => {
      await superuser.query(`insert into raw.events (${COLUMNS}) overriding system value
                             select ${COLUMNS} from ledger.events order by tx, position`);
    },
    shelfNow: async () => {
      const { rows } = await superuser.query<{ shelf: number }>('select ledger.shelf_now() as shelf');
      return rows[0]?.shelf ?? 0;
    },
    settle: async () => {
      await superuser.query('vacuum analyze ledger.events, ledger.streams, raw.events');
      await superuser.query('checkpoint');
    },
    stop,
  };
}

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}
