import type { ClientBase } from 'pg';
import { CATEGORIES, type Category, CATEGORY_OWNERS, SERVICES, SHELVED_CATEGORIES } from '#contracts/envelope';
import { ARCHIVIST_ROLE, serviceRole } from '../database-roles';
import { isShelved } from '../event-rows';
import { ensureShelves, LEAF_STORAGE, shelvesOf } from './shelves';

/** What a writer may fill in: everything but `tx` and `position`. */
const WRITABLE = 'category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash';
const WRITABLE_ON_SHELVES = `${WRITABLE}, shelf`;
const REGISTERED = 'category, stream, first_version, shelf';

const partitionOf = (category: Category): string => `events_${category}`;

/**
 * Brings partitions, row security, grants and the refusing triggers to what the categories and their owners say now.
 * Each is made only where it is missing, so that a migration of a running system takes no lock that writers feel.
 *
 * Row security stands on the parent and on each partition: each guards only the way in through itself.
 */
export async function ensureLedgerAccess(client: ClientBase): Promise<void> {
  const roles = [...SERVICES.map(serviceRole), ARCHIVIST_ROLE].join(', ');
  await client.query(`grant usage on schema ledger to ${roles}`);
  for (const table of ['server', 'shelves', 'archived_ids', 'archives']) {
    await client.query(`grant select on ledger.${table} to ${roles}`);
  }
  await guard(client, 'events', CATEGORIES, roles);
  for (const category of CATEGORIES) {
    const partition = partitionOf(category);
    if (!(await exists(client, 'select to_regclass($1) is not null as yes', [`ledger.${partition}`]))) {
      await client.query(
        isShelved(category)
          ? `create table ledger.${partition} partition of ledger.events for values in ('${category}') partition by list (shelf)`
          : `create table ledger.${partition} partition of ledger.events (primary key (category, stream, version),
               unique (category, id)) for values in ('${category}') with (${LEAF_STORAGE})`,
      );
    }
    await guard(client, partition, [category], roles);
  }
  for (const category of SHELVED_CATEGORIES) {
    await ensureShelves(client, category);
    for (const shelf of await shelvesOf(client, category)) await guard(client, shelf, [category], roles);
  }
  await guardRegistry(client, roles);
  await client.query(`grant execute on function ledger.note_archived, ledger.drop_shelf to ${ARCHIVIST_ROLE}`);
}

async function guard(client: ClientBase, table: string, categories: readonly Category[], roles: string): Promise<void> {
  await secure(client, table);
  for (const category of categories) {
    await allowAppends(client, table, category);
    const columns = isShelved(category) ? WRITABLE_ON_SHELVES : WRITABLE;
    await client.query(`grant insert (${columns}) on ledger.${table} to ${serviceRole(CATEGORY_OWNERS[category])}`);
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

/** Which stream lies on which shelf: a service puts its own there, and never changes where they are. */
async function guardRegistry(client: ClientBase, roles: string): Promise<void> {
  await secure(client, 'streams');
  for (const category of SHELVED_CATEGORIES) {
    await allowAppends(client, 'streams', category);
    await client.query(`grant insert (${REGISTERED}) on ledger.streams to ${serviceRole(CATEGORY_OWNERS[category])}`);
  }
  await client.query(`grant select on ledger.streams to ${roles}`);
}

async function secure(client: ClientBase, table: string): Promise<void> {
  const secured = 'select relrowsecurity as yes from pg_class where oid = $1::regclass';
  if (!(await exists(client, secured, [`ledger.${table}`]))) {
    await client.query(`alter table ledger.${table} enable row level security`);
  }
  await ensurePolicy(client, table, 'read', 'for select using (true)');
}

async function allowAppends(client: ClientBase, table: string, category: Category): Promise<void> {
  const owner = serviceRole(CATEGORY_OWNERS[category]);
  const policy = `for insert to ${owner} with check (category = '${category}')`;
  await ensurePolicy(client, table, `append_${category}`, policy);
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
