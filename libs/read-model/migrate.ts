import type { ClientBase } from 'pg';
import { rebuildRecordTable } from './rebuild/rebuild-record';
import { removeLeftovers } from './rebuild/shadow-schema';

/**
 * The tables of one service's schema that tell of its projections, without what a killed rebuild has left. Run by
 * `countersign migrate` as the owner, on every start: idempotent.
 */
export async function migrateReadModel(client: ClientBase, schema: string): Promise<void> {
  await client.query(`
    create table if not exists "${schema}".projection_checkpoint (
      projection text primary key,
      cursor text not null,
      tx numeric not null,
      position numeric not null,
      moved_at timestamptz not null default now()
    )`);
  await client.query(rebuildRecordTable(schema));
  await client.query(removeLeftovers(schema));
}
