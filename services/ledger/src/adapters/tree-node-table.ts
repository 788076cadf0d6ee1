import type { DataSource } from 'typeorm';
import { BLOCK_LEVEL, type TreeNode } from '../domain/tree-node';

interface NodeRow {
  readonly index: string;
  readonly root: Buffer;
  readonly tx: string;
  readonly position: string;
}
const COLUMNS = 'index::text as index, root, tx::text as tx, position::text as position';

/** The full subtrees that are kept of the ledger's tree; written with its state, see TreeStateTable. */
export class TreeNodeTable {
  constructor(private readonly database: DataSource) {}

  /** Undefined below the levels that are kept, and beyond what the tree has grown to. */
  async find(level: number, index: number): Promise<TreeNode | undefined> {
    const rows: NodeRow[] = await this.database.query(
      `select ${COLUMNS} from svc_ledger.tree_node where level = $1 and index = $2`,
      [level, index],
    );
    return nodeOf(level, rows[0]);
  }

  /** The last full block of leaves that ends before an event. */
  async lastBlockBefore({ tx, position }: TreeNode['upTo']): Promise<TreeNode | undefined> {
    const rows: NodeRow[] = await this.database.query(
      `select ${COLUMNS} from svc_ledger.tree_node
       where level = ${BLOCK_LEVEL} and (tx, position) < ($1::xid8, $2::bigint)
       order by tx desc, position desc limit 1`,
      [tx, position],
    );
    return nodeOf(BLOCK_LEVEL, rows[0]);
  }
}

function nodeOf(level: number, row: NodeRow | undefined): TreeNode | undefined {
  if (!row) return undefined;
  const { index, root, tx, position } = row;
  return { level, index: Number(index), root, upTo: { tx, position } };
}
