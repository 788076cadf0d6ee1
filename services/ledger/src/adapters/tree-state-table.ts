import type { DataSource } from 'typeorm';
import type { MerkleFrontier } from '#libs/event-store';
import { TreeStateRow } from '../read/tree-state.entity';

export interface TreeState {
  readonly frontier: MerkleFrontier;
  readonly cursor: string | undefined;
  /** The last leaf's event. */
  readonly upTo: { readonly tx: string; readonly position: string } | null;
  readonly uncovered: number;
}

/** The kept state of the tree. */
export class TreeStateTable {
  constructor(private readonly database: DataSource) {}

  async load(): Promise<TreeState | undefined> {
    const row = await this.database.getRepository(TreeStateRow).findOneBy({ id: 1 });
    if (!row) return undefined;
    return {
      frontier: { size: Number(row.size), nodes: row.nodes },
      cursor: row.cursor ?? undefined,
      upTo: row.upTo,
      uncovered: Number(row.uncovered),
    };
  }

  /** False when another process has moved it since it had `expectedSize` leaves: load it again. */
  async save(expectedSize: number, { frontier, cursor, upTo, uncovered }: TreeState): Promise<boolean> {
    const rows: unknown[] = await this.database.query(
      `with saved as (
         insert into svc_ledger.tree_state as kept (id, size, nodes, cursor, up_to, uncovered)
         values (1, $1, $2::jsonb, $3, $6::jsonb, $4)
         on conflict (id) do update set size = excluded.size, nodes = excluded.nodes, cursor = excluded.cursor, up_to = excluded.up_to,
           uncovered = excluded.uncovered, moved_at = clock_timestamp()
           where kept.size = $5
         returning 1
       ) select * from saved`,
      [frontier.size, JSON.stringify(frontier.nodes), cursor ?? null, uncovered, expectedSize, JSON.stringify(upTo)],
    );
    return rows.length === 1;
  }

  async drop(): Promise<void> {
    await this.database.getRepository(TreeStateRow).delete({ id: 1 });
  }
}
