import type { ClientBase } from 'pg';
import { CATEGORIES, type Category, CATEGORY_OWNERS, SERVICES } from '#contracts/envelope';
import { serviceRole } from '../database-roles';

/** What a writer may fill in: everything but `tx` and `position`. */
const WRITABLE = 'category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash';

export const partitionOf = (category: Category): string => `events_${category}`;

/**
 * Brings partitions, row security, grants and the refusing triggers to what the categories and their owners say now.
 * Each is made only where it is missing, so that a migration of a running system takes no lock that writers feel.
 *
 * Row security stands on the parent and on each partition: each guards only the way in through itself.
 */
export async function ensureLedgerAccess(client: ClientBase): Promise<void> {
  const roles = SERVICES.map(serviceRole).join(', ');
  await client.query(`grant usage on schema ledger to ${roles}`);
  await client.query(`grant select on ledger.server to ${roles}`);
  await guard(client, 'events', CATEGORIES, roles);
  for (const category of CATEGORIES) {
    const partition = partitionOf(category);
    if (!(await exists(client, 'select to_regclass($1) is not null as yes', [`ledger.${partition}`]))) {
      await client.query(`create table ledger.${partition} partition of ledger.events for values in ('${category}')`);
    }
    await guard(client, partition, [category], roles);
  }
}

async function guard(client: ClientBase, table: string, categories: readonly Category[], roles: string): Promise<void> {
  const secured = 'select relrowsecurity as yes from pg_class where oid = $1::regclass';
  if (!(await exists(client, secured, [`ledger.${table}`]))) {
    await client.query(`alter table ledger.${table} enable row level security`);
  }
  await ensurePolicy(client, table, 'read', 'for select using (true)');
  for (const category of categories) {
    const owner = serviceRole(CATEGORY_OWNERS[category]);
    const policy = `for insert to ${owner} with check (category = '${category}')`;
    await ensurePolicy(client, table, `append_${category}`, policy);
    await client.query(`grant insert (${WRITABLE}) on ledger.${table} to ${owner}`);
  }
  await client.query(`grant select on ledger.${table} to ${roles}`);
  const refusing = `select exists (select from pg_trigger where tgrelid = $1::regclass and tgname = 'append_only') as yes`;
  if (!(await exists(client, refusing, [`ledger.${table}`]))) {
    await client.query(
      `create trigger append_only before update or delete or truncate on ledger.${table}
         for each statement execute function ledger.refuse_change()`,
    );
  }
}

async function ensurePolicy(client: ClientBase, table: string, name: string, rule: string): Promise<void> {
  const known = `select exists (select from pg_policy where polrelid = $1::regclass and polname = $2) as yes`;
  if (!(await exists(client, known, [`ledger.${table}`, name]))) {
    await client.query(`create policy ${name} on ledger.${table} ${rule}`);
  }
}

async function exists(client: ClientBase, sql: string, values: readonly string[]): Promise<boolean> {
  const { rows } = await client.query<{ yes: boolean }>(sql, [...values]);
  return rows[0]?.yes ?? false;
}
