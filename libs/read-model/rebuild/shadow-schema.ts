import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { setTimeout as wait } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';

/** Of the advisory locks, one a schema, under which alone a rebuild works ("csrb" in ASCII). */
const REBUILD_LOCK = 0x63737262;
/** For how long the server may still hold the lock of a rebuild that was killed. */
const LOCK_PATIENCE_MS = 5_000;

/** Where the tables of a read model are built anew. Nobody but a rebuild looks into it. */
export const shadowSchema = (schema: string): string => `${schema}__rebuild`;

/** Runs `work` while no other rebuild of the schema's read models does. */
export async function underRebuildLock<T>(database: DataSource, schema: string, work: () => Promise<T>): Promise<T> {
  const holder = database.createQueryRunner();
  try {
    await takeLock(holder, schema);
    try {
      return await work();
    } finally {
      await holder.query('select pg_advisory_unlock($1, hashtext($2))', [REBUILD_LOCK, schema]);
    }
  } finally {
    await holder.release();
  }
}

async function takeLock(holder: QueryRunner, schema: string): Promise<void> {
  const until = performance.now() + LOCK_PATIENCE_MS;
  for (;;) {
    const [row]: { taken: boolean }[] = await holder.query('select pg_try_advisory_lock($1, hashtext($2)) as taken', [
      REBUILD_LOCK,
      schema,
    ]);
    if (row?.taken) return;
    if (performance.now() >= until) {
      throw new DomainError('service_unavailable', `Another rebuild of the read models in ${schema} is under way.`);
    }
    await wait(200);
  }
}

/** Removes what a rebuild that was killed has left, unless one is at work. As the owner. */
export const removeLeftovers = (schema: string): string => `
  do $$ begin
    if pg_try_advisory_xact_lock(${REBUILD_LOCK}, hashtext('${schema}')) then
      drop schema if exists "${shadowSchema(schema)}" cascade;
    end if;
  end $$`;

export async function dropShadowSchema(db: Pick<EntityManager, 'query'>, schema: string): Promise<void> {
  await db.query(`drop schema if exists "${shadowSchema(schema)}" cascade`);
}
