import type { Cursor, RecordedEvent, RecordedTransactions } from '#libs/event-store';
import type { EntityManager } from 'typeorm';

/** How far a projection has come. `tx` and `position` are those of the last event it applied. */
export interface Checkpoint {
  readonly cursor: Cursor | undefined;
  readonly tx: bigint;
  readonly position: bigint;
}

export const BEGINNING: Checkpoint = { cursor: undefined, tx: 0n, position: 0n };

/** Whether `checkpoint` lies at or after `event`. */
export function covers(
  checkpoint: Checkpoint,
  event: Pick<RecordedEvent, 'tx' | 'position'> | Pick<Checkpoint, 'tx' | 'position'>,
): boolean {
  const tx = BigInt(event.tx);
  return checkpoint.tx > tx || (checkpoint.tx === tx && checkpoint.position >= BigInt(event.position));
}

/** How far the projections of a service's schema have come. */
export const checkpointTransactions = (schema: string): RecordedTransactions => ({
  table: `${schema}.projection_checkpoint`,
  greatest: `select max(tx) from ${schema}.projection_checkpoint`,
});

/** The checkpoints of one service, one row a projection. */
export class CheckpointTable {
  private readonly table: string;

  constructor(schema: string) {
    this.table = `"${schema}".projection_checkpoint`;
  }

  async load(db: Pick<EntityManager, 'query'>, projection: string): Promise<Checkpoint> {
    const rows: { cursor: string; tx: string; position: string }[] = await db.query(
      `select cursor, tx, position from ${this.table} where projection = $1`,
      [projection],
    );
    const row = rows[0];
    return row ? { cursor: row.cursor, tx: BigInt(row.tx), position: BigInt(row.position) } : BEGINNING;
  }

  /** False when another instance has moved it since `from` was loaded: the transaction must then be rolled back. */
  async move(db: Pick<EntityManager, 'query'>, projection: string, from: Checkpoint, to: Checkpoint): Promise<boolean> {
    const values = [projection, to.cursor, String(to.tx), String(to.position)];
    const rows: unknown[] =
      from.cursor === undefined
        ? await db.query(
            `insert into ${this.table} (projection, cursor, tx, position) values ($1, $2, $3, $4)
             on conflict (projection) do nothing returning 1`,
            values,
          )
        : await db.query(
            `with moved as (
               update ${this.table} set cursor = $2, tx = $3, position = $4, moved_at = now()
               where projection = $1 and cursor = $5 returning 1
             ) select * from moved`,
            [...values, from.cursor],
          );
    return rows.length === 1;
  }
}
