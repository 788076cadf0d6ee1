import type { ClientBase, Pool } from 'pg';
import type { Delivery } from './dispatch';
import type { BusMessage } from './port';

/** A message to be parked. `afterMs` 0 is for those that wait behind an earlier one of their key. */
export interface Parking {
  readonly message: BusMessage;
  readonly attempts: number;
  readonly afterMs: number;
  readonly reason?: string;
}

/** A parked message on its way to the handler again. */
export interface ParkedDelivery extends Delivery {
  /** Decimal string: the order of parking within a key. */
  readonly seq: string;
}

/** A parked message that is to be retried once more. */
export interface Postponement {
  readonly seq: string;
  readonly afterMs: number;
  readonly reason: string;
}

/** What waits in one topic. */
export interface Parked {
  readonly messages: number;
  readonly keys: number;
  /** Since the oldest of them was parked, by the database's clock. */
  readonly oldestSeconds: number;
}

/** What waits, of one consumer group: `bus.parked`. Times are the database's (invariant 6). */
export class ParkingLot {
  constructor(
    private readonly pool: Pool,
    private readonly group: string,
  ) {}

  /** Which of `keys` have parked messages, behind which every later one has to wait. */
  async occupied(topic: string, keys: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.pool.query<{ key: string }>({
      name: 'bus-parked-keys',
      text: `select key from unnest($3::text[]) as wanted(key) where exists (
               select from bus.parked p where p.consumer_group = $1 and p.topic = $2 and p.key = wanted.key)`,
      values: [this.group, topic, keys],
    });
    return new Set(rows.map((row) => row.key));
  }

  /** In the order given. A message that is parked already, by a delivery whose end was not recorded, stays as it is. */
  async park(tx: ClientBase, topic: string, parkings: readonly Parking[]): Promise<void> {
    if (parkings.length === 0) return;
    await tx.query({
      name: 'bus-park',
      text: `insert into bus.parked (consumer_group, topic, key, message_id, message, attempts, due_at, reason)
             select $1, $2, key, message_id, message, attempts, clock_timestamp() + after_ms * interval '1 ms', reason
             from unnest($3::text[], $4::text[], $5::json[], $6::integer[], $7::float8[], $8::text[])
               with ordinality as wanted(key, message_id, message, attempts, after_ms, reason, place)
             order by place
             on conflict (consumer_group, topic, message_id) do nothing`,
      values: [
        this.group,
        topic,
        parkings.map(({ message }) => message.key),
        parkings.map(({ message }) => message.id),
        parkings.map(({ message }) => JSON.stringify(message)),
        parkings.map(({ attempts }) => attempts),
        parkings.map(({ afterMs }) => afterMs),
        parkings.map(({ reason }) => (reason === undefined ? null : storable(reason))),
      ],
    });
  }

  /** Topics with a message whose time has come, or that waits behind another. */
  async dueTopics(): Promise<string[]> {
    const { rows } = await this.pool.query<{ topic: string }>({
      name: 'bus-parked-due-topics',
      text: `select distinct topic from bus.parked where consumer_group = $1 and due_at <= clock_timestamp()`,
      values: [this.group],
    });
    return rows.map((row) => row.topic);
  }

  /** The first messages, in order, of every key whose head is due. */
  async due(topic: string, limit: number): Promise<ParkedDelivery[]> {
    const { rows } = await this.pool.query<{ seq: string; message: BusMessage; attempts: number }>({
      name: 'bus-parked-due',
      text: `with head as (
               select distinct on (key) key, due_at from bus.parked
               where consumer_group = $1 and topic = $2 order by key, seq)
             select p.seq::text, p.message, p.attempts from bus.parked p join head using (key)
             where p.consumer_group = $1 and p.topic = $2 and head.due_at <= clock_timestamp()
             order by p.seq limit $3`,
      values: [this.group, topic, limit],
    });
    return rows;
  }

  async remove(tx: ClientBase, seqs: readonly string[]): Promise<void> {
    if (seqs.length === 0) return;
    await tx.query({
      name: 'bus-unpark',
      text: 'delete from bus.parked where consumer_group = $1 and seq = any($2::bigint[])',
      values: [this.group, seqs],
    });
  }

  async postpone(tx: ClientBase, delays: readonly Postponement[]): Promise<void> {
    if (delays.length === 0) return;
    await tx.query({
      name: 'bus-postpone',
      text: `update bus.parked p set due_at = clock_timestamp() + after_ms * interval '1 ms', attempts = attempts + 1,
               reason = wanted.reason
             from unnest($2::bigint[], $3::float8[], $4::text[]) as wanted(seq, after_ms, reason)
             where p.consumer_group = $1 and p.seq = wanted.seq`,
      values: [
        this.group,
        delays.map(({ seq }) => seq),
        delays.map(({ afterMs }) => afterMs),
        delays.map(({ reason }) => storable(reason)),
      ],
    });
  }

  async count(): Promise<Map<string, Parked>> {
    const { rows } = await this.pool.query<Parked & { topic: string }>(
      `select topic, count(*)::integer as messages, count(distinct key)::integer as keys,
         extract(epoch from clock_timestamp() - min(parked_at))::float8 as "oldestSeconds"
       from bus.parked where consumer_group = $1 group by topic`,
      [this.group],
    );
    return new Map(rows.map(({ topic, ...parked }) => [topic, parked]));
  }
}

/** PostgreSQL's text refuses NUL, and an error may quote what it was given. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\\u0000').slice(0, 4_000);
}
