import { setTimeout as wait } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { DomainError } from '#libs/kernel';
import { CheckpointTable } from '../checkpoint';
import type { ProgressMeter } from './progress';
import { recordRebuild, type RebuildReport } from './rebuild-record';
import type { ShadowFollower } from './shadow-follower';
import { shadowSchema } from './shadow-schema';
import { readShape, type TableShape } from './table-shape';

export interface Replacement {
  readonly database: DataSource;
  readonly schema: string;
  readonly projection: string;
  /** By table, as it was when the shadow was made. */
  readonly shapes: ReadonlyMap<string, TableShape>;
  readonly shadow: ShadowFollower;
  /** Leads the shadow to within a batch of the live tables. */
  catchUp(): Promise<void>;
  /** With the events of the last batch. */
  report(lastEvents: number): RebuildReport;
}

/**
 * Below PostgreSQL's `deadlock_timeout` of a second: whoever reads the tables in another order is never the one to be
 * cancelled, and nobody waits longer behind this.
 */
const LOCK_TIMEOUT_MS = 500;
const PATIENCE_MS = 120_000;
/** PostgreSQL, appendix A: lock_not_available, deadlock_detected. */
const IN_USE = new Set(['55P03', '40P01']);

/**
 * Puts the shadow tables in the place of the live ones, in one short transaction: before it commits the old ones are
 * whole, after it the new ones. Tried again while somebody holds the tables.
 * @throws DomainError('service_unavailable') when they are not free within two minutes; ('stream_conflict') when a
 * migration has changed them meanwhile.
 */
export async function replaceTables(replacement: Replacement, meter: ProgressMeter): Promise<RebuildReport> {
  const until = performance.now() + PATIENCE_MS;
  meter.enter('replacing');
  for (let attempt = 1; ; attempt += 1) {
    await replacement.catchUp();
    try {
      const report = await replacement.database.transaction((tx) => replaceWithin(tx, replacement));
      if (report) return report;
    } catch (error) {
      if (!isInUse(error)) throw error;
      if (performance.now() >= until) {
        throw new DomainError('service_unavailable', {
          field: replacement.projection,
          reason: `its tables were in use for ${PATIENCE_MS / 1000} s on end (a backup, a long report?); the old ones stay: rebuild it again later`,
          cause: error,
        });
      }
    }
    await wait(Math.min(100 * attempt, 2_000));
  }
}

/** Undefined when the live tables have gone on by more than a batch. Locks in a follower's order: checkpoint, tables. */
async function replaceWithin(
  tx: EntityManager,
  { schema, projection, shapes, shadow, report: reportAfter }: Replacement,
): Promise<RebuildReport | undefined> {
  await tx.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await tx.query('set local synchronous_commit = on');
  // Its followers wait from here on, also one that is about to write its first checkpoint.
  await tx.query(`lock table "${schema}".projection_checkpoint in share row exclusive mode`);
  const live = await new CheckpointTable(schema).load(tx, projection);
  const lastEvents = await shadow.applyRest(live, tx);
  if (lastEvents === undefined) return undefined;
  const tables = [...shapes.keys()];
  const named = tables.map((table) => `"${schema}"."${table}"`).join(', ');
  await tx.query(`lock table ${named} in access exclusive mode`);
  for (const [table, shape] of shapes) await demandSameShape(tx, schema, table, shape);
  await tx.query(`drop table ${named}`);
  for (const table of tables) await tx.query(`alter table "${shadowSchema(schema)}"."${table}" set schema "${schema}"`);
  const report = reportAfter(lastEvents);
  await recordRebuild(tx, schema, report);
  return report;
}

async function demandSameShape(tx: EntityManager, schema: string, table: string, shape: TableShape): Promise<void> {
  const now = await readShape(tx, schema, table);
  if (JSON.stringify(now) === JSON.stringify(shape)) return;
  throw new DomainError('stream_conflict', {
    field: `${schema}.${table}`,
    reason: 'a migration has changed the table while it was rebuilt; the old one stays: rebuild it again',
  });
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && IN_USE.has(String(error.code));
}
