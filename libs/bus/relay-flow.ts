import type { Category } from '#contracts/envelope';
import { CalmReader, type Cursor, type RecordedEvent } from '#libs/event-store';
import { DomainError, WakeSignal } from '#libs/kernel';
import { NO_TELEMETRY } from '#libs/telemetry';
import { type CursorTable, Overtaken } from './cursor-table';
import type { DeadLetterOffice } from './dead-letter-office';
import type { RelayOptions } from './relay';
import type { SingleActive } from './single-active';
import { toMessage } from './to-message';

/** One way from the ledger to the bus: the events of some categories, with a cursor and a lock of its own. */
export interface RelayWay {
  readonly categories: readonly Category[];
  /** The topic of its row in `bus.cursor`. */
  readonly cursor: string;
  readonly lock: string;
}

/** What the ways of a relay share. */
export interface RelayMeans {
  readonly options: RelayOptions;
  readonly locks: SingleActive;
  readonly cursors: CursorTable;
  readonly office: DeadLetterOffice;
}

const FASTEST_POLL_MS = 5;
const SLOWEST_POLL_MS = 250;
const STANDBY_POLL_MS = 500;
const LONGEST_BACKOFF_MS = 5_000;

/** Goes one way, while this process is the active one for it. */
export class RelayFlow {
  private readonly signal = new WakeSignal();
  private unsubscribe: () => void = () => undefined;
  private running: Promise<void> | undefined;
  private stopping = false;
  private poll = FASTEST_POLL_MS;
  private failures = 0;

  constructor(
    private readonly way: RelayWay,
    private readonly means: RelayMeans,
  ) {}

  start(): void {
    if (this.running) return;
    this.unsubscribe = this.means.options.store.onAppended((categories) => {
      if (!categories.some((category) => this.way.categories.includes(category))) return;
      this.poll = FASTEST_POLL_MS;
      this.signal.wake();
    });
    this.running = this.run();
  }

  /** Resolves when the batch in hand has ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.unsubscribe();
    this.signal.wake();
    await this.running;
  }

  /** The first events that are not published yet. */
  async unpublished(limit: number): Promise<readonly RecordedEvent[]> {
    const { options, cursors } = this.means;
    const { categories, cursor } = this.way;
    return (await options.store.readAfter(await cursors.load(cursor), { categories, limit })).events;
  }

  private async run(): Promise<void> {
    const { locks, cursors } = this.means;
    while (!this.stopping) {
      try {
        if (await locks.isActive(this.way.lock)) await this.relay(await cursors.load(this.way.cursor));
        else await this.signal.wait(STANDBY_POLL_MS);
      } catch (error) {
        await this.backOff(error);
      }
    }
  }

  private async relay(from: Cursor | undefined): Promise<void> {
    const { store, batch = 500 } = this.means.options;
    const { categories, lock } = this.way;
    const ledger = new CalmReader(store);
    let cursor = from;
    while (!this.stopping && (await this.means.locks.isActive(lock))) {
      const page = await ledger.readAfter(cursor, { categories, limit: batch });
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
    const { pool, telemetry = NO_TELEMETRY } = this.means.options;
    const origins = telemetry.origins(() => events.map(({ meta }) => meta.traceparent));
    const attributes = { 'countersign.relay.events': events.length };
    return telemetry.batch({ operation: 'relay', size: events.length, origins, attributes }, async () => {
      await this.publish(events);
      await this.means.cursors.move(pool, this.way.cursor, from, to);
      return to;
    });
  }

  /** An event too large for the bus would stop every stream for ever: it becomes a dead letter of the relay instead. */
  private async publish(events: readonly RecordedEvent[]): Promise<void> {
    const messages = events.map(toMessage);
    try {
      await this.means.options.publisher.publish(messages);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      for (const message of messages) await this.publishOrBury(message);
    }
  }

  private async publishOrBury(message: ReturnType<typeof toMessage>): Promise<void> {
    try {
      await this.means.options.publisher.publish([message]);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      const { topic, key, id: messageId, tenant } = message;
      this.means.options.logger.error({ topic, messageId, reason: error.reason }, 'An event is too large for the bus');
      const { code, reason } = error;
      await this.means.office.record(this.means.options.pool, [
        { topic, key, messageId, tenant, code, reason, attempts: 1, message },
      ]);
    }
  }

  private async backOff(error: unknown): Promise<void> {
    if (error instanceof Overtaken) return;
    this.failures += 1;
    const waitMs = Math.min(100 * 2 ** (this.failures - 1), LONGEST_BACKOFF_MS);
    this.means.options.logger.warn(
      { err: error, waitMs },
      'The relay cannot go on; it publishes the same events again',
    );
    const until = performance.now() + waitMs;
    while (!this.stopping && performance.now() < until) await this.signal.wait(until - performance.now());
  }
}

function isTooLarge(error: unknown): error is DomainError {
  return error instanceof DomainError && error.code === 'message_too_large';
}
