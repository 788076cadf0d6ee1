import type { EntityManager } from 'typeorm';
import type { TableDifference } from './compare-tables';

/** What came of a rebuild. Kept in the service's schema. */
export interface RebuildReport {
  readonly projection: string;
  /** `replaced`: the rebuilt tables are the live ones now. `compared`: the live ones were only looked at. */
  readonly outcome: 'replaced' | 'compared';
  /** Whether the live tables had exactly the rows that the ledger gives. */
  readonly equal: boolean;
  /** The event, as a cursor, after which both were compared; null when nothing had been followed. */
  readonly comparedAt: string | null;
  readonly events: number;
  readonly seconds: number;
  readonly tables: readonly TableDifference[];
}

export const rebuildRecordTable = (schema: string): string => `
  create table if not exists "${schema}".projection_rebuild (
    id bigint primary key generated always as identity,
    projection text not null,
    ended_at timestamptz not null default clock_timestamp(),
    report jsonb not null
  )`;

export async function recordRebuild(
  db: Pick<EntityManager, 'query'>,
  schema: string,
  report: RebuildReport,
): Promise<void> {
  await db.query(`insert into "${schema}".projection_rebuild (projection, report) values ($1, $2)`, [
    report.projection,
    JSON.stringify(report),
  ]);
}
