import type { DataSource } from 'typeorm';
import type { MerkleFrontier } from '#libs/event-store';
import type { TreeNode } from '../domain/tree-node';
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

  /**
   * With the subtrees that have become full. False when another process has moved or dropped it since it had
   * `expectedSize` leaves: load it again.
   */
  async save(
    expectedSize: number,
    grown: readonly TreeNode[],
    { frontier, cursor, upTo, uncovered }: TreeState,
  ): Promise<boolean> {
    const rows: unknown[] = await this.database.query(
      `with saved as (
         insert into svc_ledger.tree_state as kept (id, size, nodes, cursor, up_to, uncovered)
         select 1, $1, $2::jsonb, $3, $6::jsonb, $4
         -- A tree that was dropped is built again from the beginning: one that has grown must not stand in for it.
         where $5::bigint = 0 or exists (select from svc_ledger.tree_state)
         on conflict (id) do update set size = excluded.size, nodes = excluded.nodes, cursor = excluded.cursor, up_to = excluded.up_to,
           uncovered = excluded.uncovered, moved_at = clock_timestamp()
           where kept.size = $5
         returning 1
       ), grown as (
         insert into svc_ledger.tree_node (level, index, root, tx, position)
         select level, index, root, tx, position
         from unnest($7::smallint[], $8::bigint[], $9::bytea[], $10::xid8[], $11::bigint[])
           as grown(level, index, root, tx, position)
         where exists (select from saved)
         on conflict (level, index) do update
           set root = excluded.root, tx = excluded.tx, position = excluded.position
       ) select * from saved`,
      [
        frontier.size,
        JSON.stringify(frontier.nodes),
        cursor ?? null,
        uncovered,
        expectedSize,
        JSON.stringify(upTo),
        grown.map(({ level }) => level),
        grown.map(({ index }) => index),
        grown.map(({ root }) => root),
        grown.map(({ upTo: { tx } }) => tx),
        grown.map(({ upTo: { position } }) => position),
      ],
    );
    return rows.length === 1;
  }

  async drop(): Promise<void> {
    await this.database.getRepository(TreeStateRow).delete({ id: 1 });
    await this.database.query('delete from svc_ledger.tree_node');
  }
}
