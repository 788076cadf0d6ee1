import type { ClientBase, Pool } from 'pg';
import { deadTopic } from '#contracts/topics';
import { deterministicId, type JsonObject } from '#libs/kernel';
import { storable } from './parking';
import type { BusMessage } from './port';

/** What came over the wire and is not a message: kept as it came, base64 where it is bytes. */
export interface RawMessage {
  readonly raw: {
    readonly position: string;
    readonly key: string;
    readonly headers: JsonObject;
    /** Base64. */
    readonly value: string;
  };
}

/** One message that a consumer group could not take in, and why (invariant 8). */
export interface Death {
  readonly topic: string;
  readonly key: string;
  readonly messageId: string;
  /** Empty when the message does not even say so. */
  readonly tenant: string;
  readonly code: string;
  readonly reason: string;
  readonly field?: string;
  readonly attempts: number;
  readonly message: BusMessage | RawMessage;
}

/** What goes out on `<topic>.dead` of a message that was one. */
export function noticeOf(group: string, { topic, code, reason, field }: Death, message: BusMessage): BusMessage {
  const death = { group, code, reason: storable(reason), ...(field !== undefined && { field: storable(field) }) };
  return { ...message, topic: deadTopic(topic), death };
}

/** The dead letters of one consumer group: `bus.dead_letter`. `DeadLetters` is for the operator, this for the consumer. */
export class DeadLetterOffice {
  constructor(
    private readonly pool: Pool,
    private readonly group: string,
  ) {}

  /** A message that dies again opens its letter again, unless an operator has dropped it. */
  async record(tx: ClientBase | Pool, deaths: readonly Death[]): Promise<void> {
    if (deaths.length === 0) return;
    await tx.query({
      name: 'bus-die',
      text: `insert into bus.dead_letter as letter
               (id, consumer_group, topic, key, message_id, tenant, code, reason, field, attempts, message)
             select distinct on (id) id, $2, topic, key, message_id, tenant, code, reason, field, attempts, message
             from unnest($1::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                         $10::integer[], $11::json[])
               as died(id, topic, key, message_id, tenant, code, reason, field, attempts, message)
             on conflict (id) do update set code = excluded.code, reason = excluded.reason, field = excluded.field,
               attempts = excluded.attempts, message = excluded.message, died_at = clock_timestamp(),
               status = case letter.status when 'dropped' then 'dropped' else 'open' end`,
      values: [
        deaths.map(({ topic, messageId }) => deterministicId('dead-letter', this.group, topic, messageId)),
        this.group,
        deaths.map(({ topic }) => topic),
        deaths.map(({ key }) => storable(key)),
        deaths.map(({ messageId }) => storable(messageId)),
        deaths.map(({ tenant }) => storable(tenant)),
        deaths.map(({ code }) => code),
        deaths.map(({ reason }) => storable(reason)),
        deaths.map(({ field }) => (field === undefined ? null : storable(field))),
        deaths.map(({ attempts }) => attempts),
        deaths.map(({ message }) => JSON.stringify(message)),
      ],
    });
  }

  /** Letters that nobody has dealt with yet, by topic. */
  async countOpen(): Promise<Map<string, number>> {
    const { rows } = await this.pool.query<{ topic: string; dead: number }>(
      `select topic, count(*)::integer as dead from bus.dead_letter
       where consumer_group = $1 and status = 'open' group by topic`,
      [this.group],
    );
    return new Map(rows.map((row) => [row.topic, row.dead]));
  }
}
