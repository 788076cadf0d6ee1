import type { ClientBase, Pool } from 'pg';
import { countEvents } from '#libs/event-store';
import type { Projection } from './projection';
import type { RebuildReport } from './rebuild/rebuild-record';

/** How far a read model is. */
export interface ProjectionStatus {
  readonly projection: string;
  /** The cursor of the last event that it has applied; null when there was none yet. */
  readonly position: string | null;
  /** RFC 3339 */
  readonly movedAt: string | null;
  /** Events that readers see and it has not applied. */
  readonly lag: number;
  /** What came of the last comparison or rebuild. */
  readonly lastRebuild: { readonly endedAt: string; readonly report: RebuildReport } | null;
}

type Database = Pick<ClientBase | Pool, 'query'>;

/**
 * @param database of the service's schema, as the owner.
 * @param ledger the ledger's database.
 */
export async function projectionStatus(
  database: Database,
  ledger: Database,
  schema: string,
  projections: readonly Projection[],
): Promise<ProjectionStatus[]> {
  const { rows: positions } = await database.query<{ projection: string; cursor: string; moved_at: Date }>(
    `select projection, cursor, moved_at from "${schema}".projection_checkpoint`,
  );
  const { rows: rebuilds } = await database.query<{ projection: string; ended_at: Date; report: RebuildReport }>(
    `select distinct on (projection) projection, ended_at, report from "${schema}".projection_rebuild
     order by projection, id desc`,
  );
  const statuses: ProjectionStatus[] = [];
  for (const { name, categories } of projections) {
    const position = positions.find(({ projection }) => projection === name);
    const rebuild = rebuilds.find(({ projection }) => projection === name);
    statuses.push({
      projection: name,
      position: position?.cursor ?? null,
      movedAt: position?.moved_at.toISOString() ?? null,
      lag: await countEvents(ledger, categories, position?.cursor),
      lastRebuild: rebuild ? { endedAt: rebuild.ended_at.toISOString(), report: rebuild.report } : null,
    });
  }
  return statuses;
}
