import type { ClientBase, Pool } from 'pg';
import type { Cursor } from '#libs/event-store';

/** Another process has moved the cursor: it is the active one now, and what was about to be recorded is void. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

/** Up to where each topic has been handled, of one consumer group: `bus.cursor`. */
export class CursorTable {
  constructor(
    private readonly pool: Pool,
    private readonly group: string,
  ) {}

  /** `undefined`: from the beginning. */
  async load(topic: string): Promise<Cursor | undefined> {
    const { rows } = await this.pool.query<{ cursor: string }>({
      name: 'bus-cursor-load',
      text: 'select cursor from bus.cursor where consumer_group = $1 and topic = $2',
      values: [this.group, topic],
    });
    return rows[0]?.cursor;
  }

  /**
   * From where the caller read to where it has come: the fence against a consumer that has lost its lock unknowingly.
   * @throws Overtaken when the cursor is not at `from` any more.
   */
  async move(tx: ClientBase | Pool, topic: string, from: Cursor | undefined, to: Cursor): Promise<void> {
    const { rowCount } = await tx.query({
      name: from === undefined ? 'bus-cursor-begin' : 'bus-cursor-move',
      text:
        from === undefined
          ? `insert into bus.cursor (consumer_group, topic, cursor) values ($1, $2, $3) on conflict do nothing`
          : `update bus.cursor set cursor = $3, moved_at = clock_timestamp()
             where consumer_group = $1 and topic = $2 and cursor = $4`,
      values: from === undefined ? [this.group, topic, to] : [this.group, topic, to, from],
    });
    if (rowCount !== 1) throw new Overtaken(`the cursor of ${this.group} in ${topic} has been moved by another`);
  }
}
