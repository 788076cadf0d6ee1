import type { Pool } from 'pg';
import type { Telemetry } from '#libs/telemetry';
import { BatchingPublisher } from '../batching-publisher';
import { noticeOf, type Death } from '../dead-letter-office';
import type { BusMessage } from '../port';
import { signalPublished } from './published-signal';

interface LogRow {
  readonly topic: string;
  readonly key: string;
  readonly id: string;
  readonly message: string;
}

/** As on Kafka, so that no message passes here that the cluster mode would refuse. */
const LIMITS = { messages: 1_000, bytes: 4 * 1024 * 1024, messageBytes: 1_000_000 };

/** Publishes to `bus.log`: durable once committed. The pool acts as the role of the service that owns the topic. */
export class PostgresBusPublisher extends BatchingPublisher<LogRow> {
  constructor(
    private readonly pool: Pool,
    telemetry?: Telemetry,
  ) {
    super(LIMITS, 'postgresql', telemetry);
  }

  /** To `<topic>.dead`. What never was a message is in the database's dead letters alone. */
  async publishDead(group: string, deaths: readonly Death[]): Promise<void> {
    const notices = deaths.flatMap((death) => ('raw' in death.message ? [] : noticeOf(group, death, death.message)));
    await this.enqueue(
      notices,
      notices.map((notice) => this.encode(notice)),
    );
  }

  protected encode(message: BusMessage): { encoded: LogRow; bytes: number } {
    const text = JSON.stringify(message);
    const encoded = { topic: message.topic, key: message.key, id: message.id, message: text };
    return { encoded, bytes: Buffer.byteLength(text) };
  }

  protected async send(batch: readonly LogRow[]): Promise<void> {
    await this.pool.query({
      name: 'bus-publish',
      text: `insert into bus.log (topic, key, id, message)
             select topic, key, id, message
             from unnest($1::text[], $2::text[], $3::text[], $4::json[]) with ordinality
               as published(topic, key, id, message, place)
             order by place`,
      values: [
        batch.map(({ topic }) => topic),
        batch.map(({ key }) => key),
        batch.map(({ id }) => id),
        batch.map(({ message }) => message),
      ],
    });
    signalPublished(new Set(batch.map(({ topic }) => topic)));
  }

  /** The pool belongs to who made it. */
  protected disconnect(): Promise<void> {
    return Promise.resolve();
  }
}
