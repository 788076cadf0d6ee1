import type { Logger } from 'pino';
import type { Cursor } from '#libs/event-store';
import { WakeSignal } from '#libs/kernel';
import { type CursorTable, Overtaken } from '../cursor-table';
import { PutOff } from '../dispatch';
import type { Inbox } from '../inbox';
import type { ParkingWatch } from '../parking-watch';
import type { SingleActive } from '../single-active';
import type { TopicSource } from './topic-source';

export interface TopicConsumerOptions {
  readonly inbox: Inbox;
  readonly source: TopicSource;
  readonly cursors: CursorTable;
  readonly locks: SingleActive;
  readonly lock: string;
  readonly watch: ParkingWatch;
  readonly batch: number;
  readonly logger: Logger;
}

/** Polling begins so fast after news, because a row may become visible a moment later, and slows down to this. */
const FASTEST_POLL_MS = 5;
const SLOWEST_POLL_MS = 400;
/** How soon another process takes over after the active one was killed. */
const STANDBY_POLL_MS = 500;
const LONGEST_BACKOFF_MS = 10_000;
const MOST_LAG = 1_000;

/** Reads one topic for one group while it is the active one, and hands batches to the inbox; drains between batches. */
export class TopicConsumer {
  private readonly signal = new WakeSignal();
  private readonly unsubscribe: () => void;
  private running: Promise<void> | undefined;
  private stopping = false;
  private drainDue = true;
  private poll = FASTEST_POLL_MS;
  private failures = 0;

  constructor(private readonly options: TopicConsumerOptions) {
    this.unsubscribe = options.source.onNews(() => {
      this.poll = FASTEST_POLL_MS;
      this.signal.wake();
    });
  }

  get topic(): string {
    return this.options.inbox.topic;
  }

  start(): void {
    this.running ??= this.run();
  }

  drainSoon(): void {
    this.drainDue = true;
    this.signal.wake();
  }

  /** Ends with the batch in hand; its outcomes are recorded. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.unsubscribe();
    this.signal.wake();
    await this.running;
  }

  async lag(): Promise<{ lag: number; oldestSeconds: number }> {
    const { arrivals } = await this.options.source.read(await this.options.cursors.load(this.topic), MOST_LAG);
    const oldest = arrivals.find((arrival) => 'message' in arrival);
    const waited = oldest === undefined ? 0 : Date.now() - Date.parse(oldest.message.time);
    return { lag: arrivals.length, oldestSeconds: Math.max(waited, 0) / 1000 };
  }

  private async run(): Promise<void> {
    const { locks, lock, cursors } = this.options;
    while (!this.stopping) {
      try {
        if (await locks.isActive(lock)) await this.consume(await cursors.load(this.topic));
        else await this.signal.wait(STANDBY_POLL_MS);
      } catch (error) {
        await this.backOff(error);
      }
    }
  }

  /** Until stopped, overtaken, cut off from the lock, or in trouble. */
  private async consume(from: Cursor | undefined): Promise<void> {
    const { inbox, source, cursors, locks, lock, watch, batch } = this.options;
    let cursor = from;
    while (!this.stopping && (await locks.isActive(lock))) {
      if (this.drainDue) {
        this.drainDue = false;
        this.drainDue = (await inbox.drain()) > 0 || this.drainDue;
      }
      const page = await source.read(cursor, batch);
      const next = page.cursor;
      if (page.arrivals.length > 0 && next !== undefined) {
        const dueIn = await inbox.receive(page.arrivals, (tx) => cursors.move(tx, this.topic, cursor, next));
        if (dueIn !== undefined) watch.expect(dueIn);
        cursor = next;
        this.poll = FASTEST_POLL_MS;
      } else if (!this.drainDue) {
        await this.signal.wait(this.poll);
        this.poll = Math.min(this.poll * 2, SLOWEST_POLL_MS);
      }
      this.failures = 0;
    }
  }

  private async backOff(error: unknown): Promise<void> {
    if (error instanceof Overtaken) return;
    this.failures += 1;
    this.drainDue = true;
    const waitMs = Math.min(100 * 2 ** (this.failures - 1), LONGEST_BACKOFF_MS);
    const cause = error instanceof PutOff ? error.cause : error;
    this.options.logger.warn(
      { err: cause, topic: this.topic, waitMs },
      'A batch was put off and will be handled again',
    );
    // News must not shorten it: a busy topic would turn it into a loop without a pause.
    const until = performance.now() + waitMs;
    while (!this.stopping && performance.now() < until) await this.signal.wait(until - performance.now());
  }
}
