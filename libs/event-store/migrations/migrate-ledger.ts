import type { Client } from 'pg';
import { ensureServiceRoles, OWNER_ROLE, type RolePasswords } from '../database-roles';
import { DomainError } from '#libs/kernel';
import { ensureLedgerAccess } from './ledger-access';
import { MIGRATION_STEPS } from './migration-steps';
import { ensureServiceSchemas } from './service-schemas';

export interface MigratedLedger {
  /** The steps that this call has applied; empty when nothing was left to do. */
  readonly applied: readonly string[];
}

/** Of the advisory lock under which alone DDL runs ("cslg" in ASCII). */
const MIGRATION_LOCK = 0x63736c67;

/**
 * Brings the ledger's schema to this release: roles, schema `ledger`, the services' schemas. Safe to call again and to
 * call from several processes at once: one works, the others wait and find nothing to do.
 *
 * @param client logged in as countersign_owner, or as a superuser or another member of it. Only this role runs DDL.
 * @throws DomainError('invalid_configuration') when the login may not do it, or the ledger is of a later release.
 */
export async function migrateLedger(client: Client, passwords?: RolePasswords): Promise<MigratedLedger> {
  return underMigrationLock(client, async () => {
    await ensureServiceRoles(client, passwords);
    await limitIdleTransactions(client);
    return asOwner(client, async () => {
      await client.query(`
        create schema if not exists ledger authorization ${OWNER_ROLE};
        create table if not exists ledger.migration (
          name text primary key, applied_at timestamptz not null default now());
      `);
      const applied = await applySteps(client);
      await inTransaction(client, () => ensureLedgerAccess(client));
      await inTransaction(client, () => ensureServiceSchemas(client));
      return { applied };
    });
  });
}

/** Runs `work` while no other migration of this database does, be it the ledger's or a service's. */
export async function underMigrationLock<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    return await work();
  } finally {
    await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}

/** Everything that a migration makes belongs to the owner, whoever has logged in. */
export async function asOwner<T>(client: Client, work: () => Promise<T>): Promise<T> {
  try {
    await client.query(`set role ${OWNER_ROLE}`);
  } catch (cause) {
    throw new DomainError('invalid_configuration', {
      field: 'MIGRATION_URL',
      reason: `the login cannot act as ${OWNER_ROLE}: log in as that role, or as a member of it`,
      cause,
    });
  }
  try {
    return await work();
  } finally {
    await client.query('reset role');
  }
}

async function applySteps(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('select name from ledger.migration order by name');
  const done = new Set(rows.map(({ name }) => name));
  const unknown = [...done].filter((name) => !MIGRATION_STEPS.some((step) => step.name === name));
  if (unknown.length > 0) {
    throw new DomainError('invalid_configuration', {
      field: 'MIGRATION_URL',
      reason: `the ledger is of a later release than this one: it has had ${unknown.join(', ')}`,
    });
  }
  const missing = MIGRATION_STEPS.filter(({ name }) => !done.has(name));
  for (const { name, sql } of missing) {
    await inTransaction(client, async () => {
      await client.query(sql);
      await client.query('insert into ledger.migration (name) values ($1)', [name]);
    });
  }
  return missing.map(({ name }) => name);
}

/**
 * A transaction left open anywhere holds every reader back. Each connection of ours sets the limit itself; this catches
 * the others (psql, a report) where the database is ours to set it for.
 */
async function limitIdleTransactions(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string; yes: boolean }>(
    `select current_database() as name, pg_has_role(datdba, 'usage') as yes
       from pg_database where datname = current_database()`,
  );
  const [database] = rows;
  if (!database?.yes) return;
  const name = client.escapeIdentifier(database.name);
  await client.query(`alter database ${name} set idle_in_transaction_session_timeout = '5s'`);
}

async function inTransaction(client: Client, work: () => Promise<unknown>): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
