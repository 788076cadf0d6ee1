import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Cursor, EventStore, RecordedEvent } from '#libs/event-store';
import { DomainError, WakeSignal } from '#libs/kernel';
import { NO_TELEMETRY, type Telemetry } from '#libs/telemetry';
import { CursorTable, Overtaken } from './cursor-table';
import { DeadLetterOffice } from './dead-letter-office';
import { withinGrace } from './grace';
import type { BusPublisher } from './port';
import { SingleActive } from './single-active';
import { toMessage } from './to-message';

export interface RelayOptions {
  readonly store: EventStore;
  readonly publisher: BusPublisher;
  /** The ledger's database, as the ledger service's role. */
  readonly pool: Pool;
  readonly logger: Logger;
  readonly telemetry?: Telemetry;
  /** Events read and published at a time. */
  readonly batch?: number;
}

export interface Relay {
  start(): void;
  /** Ends the batch in hand; within 5 s. */
  stop(): Promise<void>;
  /** Events that are not published yet: counted up to a thousand, more is shown as that. */
  lag(): Promise<number>;
  /** The same, with how long the oldest has waited (seconds), and the dead letters of events that no topic takes. */
  state(): Promise<{ lag: number; oldestSeconds: number; dead: number }>;
}

const GROUP = 'relay';
/** One cursor over all categories. */
const EVERYTHING = '*';
const FASTEST_POLL_MS = 5;
const SLOWEST_POLL_MS = 250;
const STANDBY_POLL_MS = 500;
const LONGEST_BACKOFF_MS = 5_000;
const MOST_LAG = 1_000;

/**
 * Publishes the ledger's events to their topics, in stream order and at least once; run by the ledger service in cluster
 * mode, active in one process at a time. The cursor moves after the broker has confirmed, so a restart may publish
 * events again and never leaves one out; `streamVersion` lets a consumer ignore what it has seen.
 */
export function createRelay(options: RelayOptions): Relay {
  return new EventRelay(options);
}

class EventRelay implements Relay {
  private readonly signal = new WakeSignal();
  private readonly locks: SingleActive;
  private readonly cursors: CursorTable;
  private readonly office: DeadLetterOffice;
  private unsubscribe: () => void = () => undefined;
  private running: Promise<void> | undefined;
  private stopping = false;
  private poll = FASTEST_POLL_MS;
  private failures = 0;

  constructor(private readonly options: RelayOptions) {
    this.locks = new SingleActive(options.pool, options.logger);
    this.cursors = new CursorTable(options.pool, GROUP);
    this.office = new DeadLetterOffice(options.pool, GROUP);
  }

  start(): void {
    if (this.running) return;
    this.unsubscribe = this.options.store.onAppended(() => {
      this.poll = FASTEST_POLL_MS;
      this.signal.wake();
    });
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.unsubscribe();
    this.signal.wake();
    await withinGrace([this.running ?? Promise.resolve()]);
    await withinGrace([this.locks.close()], 500);
  }

  async lag(): Promise<number> {
    return (await this.unpublished()).length;
  }

  async state(): Promise<{ lag: number; oldestSeconds: number; dead: number }> {
    const [events, dead] = await Promise.all([this.unpublished(), this.office.countOpen()]);
    const [oldest] = events;
    const waited = oldest === undefined ? 0 : Date.now() - Date.parse(oldest.time);
    return {
      lag: events.length,
      oldestSeconds: Math.max(waited, 0) / 1000,
      dead: [...dead.values()].reduce((sum, letters) => sum + letters, 0),
    };
  }

  private async unpublished(): Promise<readonly RecordedEvent[]> {
    const cursor = await this.cursors.load(EVERYTHING);
    return (await this.options.store.readAfter(cursor, { limit: MOST_LAG })).events;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        if (await this.locks.isActive(GROUP)) await this.relay(await this.cursors.load(EVERYTHING));
        else await this.signal.wait(STANDBY_POLL_MS);
      } catch (error) {
        await this.backOff(error);
      }
    }
  }

  private async relay(from: Cursor | undefined): Promise<void> {
    const { store, batch = 500 } = this.options;
    let cursor = from;
    while (!this.stopping && (await this.locks.isActive(GROUP))) {
      const page = await store.readAfter(cursor, { limit: batch });
      if (page.events.length > 0 && page.cursor !== undefined) {
        cursor = await this.pass(page.events, cursor, page.cursor);
        this.poll = FASTEST_POLL_MS;
      } else {
        await this.signal.wait(this.poll);
        this.poll = Math.min(this.poll * 2, SLOWEST_POLL_MS);
      }
      this.failures = 0;
    }
  }

  /** Resolves to the cursor after the events, when they are published and it has moved. */
  private pass(events: readonly RecordedEvent[], from: Cursor | undefined, to: Cursor): Promise<Cursor> {
    const { pool, telemetry = NO_TELEMETRY } = this.options;
    const origins = telemetry.origins(() => events.map(({ meta }) => meta.traceparent));
    const attributes = { 'countersign.relay.events': events.length };
    return telemetry.batch({ operation: 'relay', size: events.length, origins, attributes }, async () => {
      await this.publish(events);
      await this.cursors.move(pool, EVERYTHING, from, to);
      return to;
    });
  }

  /** An event too large for the bus would stop every stream for ever: it becomes a dead letter of the relay instead. */
  private async publish(events: readonly RecordedEvent[]): Promise<void> {
    const messages = events.map(toMessage);
    try {
      await this.options.publisher.publish(messages);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      for (const message of messages) await this.publishOrBury(message);
    }
  }

  private async publishOrBury(message: ReturnType<typeof toMessage>): Promise<void> {
    try {
      await this.options.publisher.publish([message]);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      const { topic, key, id: messageId, tenant } = message;
      this.options.logger.error({ topic, messageId, reason: error.reason }, 'An event is too large for the bus');
      const { code, reason } = error;
      await this.office.record(this.options.pool, [
        { topic, key, messageId, tenant, code, reason, attempts: 1, message },
      ]);
    }
  }

  private async backOff(error: unknown): Promise<void> {
    if (error instanceof Overtaken) return;
    this.failures += 1;
    const waitMs = Math.min(100 * 2 ** (this.failures - 1), LONGEST_BACKOFF_MS);
    this.options.logger.warn({ err: error, waitMs }, 'The relay cannot go on; it publishes the same events again');
    const until = performance.now() + waitMs;
    while (!this.stopping && performance.now() < until) await this.signal.wait(until - performance.now());
  }
}

function isTooLarge(error: unknown): error is DomainError {
  return error instanceof DomainError && error.code === 'message_too_large';
}
