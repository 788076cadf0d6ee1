import type { ClientBase } from 'pg';

/** The checkpoint table of one service's schema. Run by `countersign migrate` as the owner, on every start: idempotent. */
export async function migrateReadModel(client: ClientBase, schema: string): Promise<void> {
  await client.query(`
    create table if not exists "${schema}".projection_checkpoint (
      projection text primary key,
      cursor text not null,
      tx numeric not null,
      position numeric not null,
      moved_at timestamptz not null default now()
    )`);
}
