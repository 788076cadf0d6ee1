import type { Pool } from 'pg';
import { categoryOf } from '#contracts/topics';
import { DomainError } from '#libs/kernel';
import { CalmReader, type Cursor, type EventStore } from '#libs/event-store';
import type { Arrival } from '../inbox';
import { parseMessage } from '../parse-message';
import { toMessage } from '../to-message';
import { onPublished } from './published-signal';

export interface TopicPage {
  readonly arrivals: readonly Arrival[];
  readonly cursor: Cursor | undefined;
}

/** Where the messages of one topic are read from, gap-safe and in order within a key. */
export interface TopicSource {
  read(cursor: Cursor | undefined, limit: number): Promise<TopicPage>;
  /** Returns the unsubscribe function. */
  onNews(listener: () => void): () => void;
}

/** Event topics are the event store itself, read in place; the others are `bus.log`. */
export function topicSource(topic: string, store: EventStore, pool: Pool): TopicSource {
  const category = categoryOf(topic);
  if (category === undefined) return new LogSource(topic, pool);
  const ledger = new CalmReader(store);
  return {
    async read(cursor, limit) {
      const page = await ledger.readAfter(cursor, { categories: [category], limit });
      return { arrivals: page.events.map((event) => ({ message: toMessage(event) })), cursor: page.cursor };
    },
    onNews: (listener) => store.onAppended((categories) => void (categories.includes(category) && listener())),
  };
}

const CURSOR = /^(\d{1,20})\.(\d{1,19})$/;

class LogSource implements TopicSource {
  constructor(
    private readonly topic: string,
    private readonly pool: Pool,
  ) {}

  /** As in the ledger: only rows that no open transaction can still precede, in (tx, position) order. */
  async read(cursor: Cursor | undefined, limit: number): Promise<TopicPage> {
    const [, tx, position] = CURSOR.exec(cursor ?? '0.0') ?? [];
    if (tx === undefined || position === undefined) {
      throw new DomainError('invalid_cursor', {
        field: 'bus.cursor',
        reason: `'${cursor}' is not a cursor of the log`,
      });
    }
    const { rows } = await this.pool.query<{ cursor: string; key: string; message: unknown }>({
      name: 'bus-log-read',
      text: `select tx::text || '.' || position::text as cursor, key, message from bus.log
             where topic = $1 and (tx, position) > ($2::xid8, $3::bigint)
               and tx < ledger.visible_before()
             order by tx, position limit $4`,
      values: [this.topic, tx, position, limit],
    });
    return { arrivals: rows.map((row) => this.arrival(row)), cursor: rows.at(-1)?.cursor ?? cursor };
  }

  /** Only a hand that wrote past the publisher makes a row that is no message; it must not stall the topic. */
  private arrival({ cursor, key, message }: { cursor: string; key: string; message: unknown }): Arrival {
    try {
      return { message: parseMessage(message) };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const value = Buffer.from(JSON.stringify(message)).toString('base64');
      const malformed = { raw: { position: `${this.topic}/${cursor}`, key, headers: {}, value } };
      return { malformed, code: error.code, reason: error.reason, field: error.field };
    }
  }

  onNews(listener: () => void): () => void {
    return onPublished((topics) => void (topics.has(this.topic) && listener()));
  }
}
