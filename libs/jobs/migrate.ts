import type { ClientBase } from 'pg';

/** The table of leased jobs and deadlines of one service's schema. Run by `countersign migrate` as the owner: idempotent. */
export async function migrateJobs(client: ClientBase, schema: string): Promise<void> {
  await client.query(`
    create table if not exists "${schema}".job (
      id text primary key,
      kind text not null,
      tenant text not null,
      payload jsonb not null,
      due_at timestamptz not null,
      status text not null default 'waiting' check (status in ('waiting', 'leased', 'done', 'cancelled')),
      lease_owner text,
      lease_until timestamptz,
      attempt integer not null default 0,
      taken_over boolean not null default false,
      last_error text,
      created_at timestamptz not null default clock_timestamp(),
      finished_at timestamptz
    );
    create index if not exists job_due on "${schema}".job (kind, due_at) where status in ('waiting', 'leased')`);
}
