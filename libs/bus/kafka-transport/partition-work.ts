import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Logger } from 'pino';
import { DomainError } from '#libs/kernel';
import { PutOff } from '../dispatch';

const LONGEST_PAUSE_MS = 10_000;

/**
 * Takes in messages of one partition, in their order. What it throws puts them off: for `retryAfterSeconds` where it is a
 * DomainError that says so, else longer each time.
 */
export type Intake = (partition: number, messages: readonly KafkaMessage[]) => Promise<void>;

export interface PartitionWorkOptions {
  /** What is not is passed by, and committed with what comes before it. All of it when absent. */
  readonly isWanted?: (message: KafkaMessage) => boolean;
  readonly onCommitted?: () => void;
}

/** Hands on what was fetched from the partitions of one topic, and commits what has been taken in. */
export class PartitionWork {
  private readonly failures = new Map<number, number>();
  /** By partition: after a rebalance kafkajs may begin a batch while the one before it is still in hand. */
  private readonly inHand = new Map<number, Promise<void>>();
  private readonly pauses = new Set<NodeJS.Timeout>();
  private stopping = false;
  private giveUp: () => void = () => undefined;
  private readonly givenUp = new Promise<false>((resolve) => {
    this.giveUp = () => resolve(false);
  });

  constructor(
    private readonly topic: string,
    private readonly takeIn: Intake,
    private readonly batchSize: number,
    private readonly logger: Logger,
    private readonly options: PartitionWorkOptions = {},
  ) {}

  /** kafkajs's `eachBatch`. Errors of kafkajs must pass: they are how it learns of a rebalance. */
  async handle(payload: EachBatchPayload, heartbeatMs: number): Promise<void> {
    const { partition } = payload.batch;
    const before = this.inHand.get(partition) ?? Promise.resolve();
    const work = before.then(() => this.handleInSlices(payload, heartbeatMs));
    const ended = work.catch(() => undefined);
    this.inHand.set(partition, ended);
    try {
      await work;
    } finally {
      if (this.inHand.get(partition) === ended) this.inHand.delete(partition);
    }
  }

  /** Resolves when the slices in hand have ended; their outcomes are recorded and committed. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const pause of this.pauses) clearTimeout(pause);
    await Promise.all(this.inHand.values());
  }

  /** Leaves a handler that hangs to itself, unrecorded: kafkajs would wait for it and keep its partitions from others. */
  abandon(): void {
    this.giveUp();
  }

  private async handleInSlices(payload: EachBatchPayload, heartbeatMs: number): Promise<void> {
    const { batch } = payload;
    const { isWanted = () => true } = this.options;
    const messages = batch.messages.filter(isWanted);
    if (messages.length === 0 && batch.messages.length > 0) return this.passBy(payload);
    for (let start = 0; start < messages.length; start += this.batchSize) {
      if (this.stopping || !payload.isRunning() || payload.isStale()) return;
      const slice = messages.slice(start, start + this.batchSize);
      const heartbeats = keepAlive(payload.heartbeat, heartbeatMs);
      let recorded: boolean;
      try {
        recorded = await Promise.race([this.receive(payload, slice), this.givenUp]);
      } finally {
        heartbeats.end();
      }
      if (!recorded) return;
      const isLast = start + slice.length === messages.length;
      // Behind the last message there may be marks of transactions, which are no messages.
      await this.commit(payload, isLast ? batch.lastOffset() : slice.at(-1)?.offset);
      if (heartbeats.error !== undefined) throw heartbeats.error;
      await payload.heartbeat();
    }
  }

  private async passBy(payload: EachBatchPayload): Promise<void> {
    if (this.stopping || !payload.isRunning() || payload.isStale()) return;
    await this.commit(payload, payload.batch.lastOffset());
    await payload.heartbeat();
  }

  /** False when the partition was paused instead: sleeping here would stall the other partitions. */
  private async receive({ batch, pause }: EachBatchPayload, slice: readonly KafkaMessage[]): Promise<boolean> {
    const { partition } = batch;
    try {
      await this.takeIn(partition, slice);
      this.failures.delete(partition);
      return true;
    } catch (error) {
      const failures = (this.failures.get(partition) ?? 0) + 1;
      this.failures.set(partition, failures);
      const cause = error instanceof PutOff ? error.cause : error;
      const askedSeconds = cause instanceof DomainError ? cause.retryAfterSeconds : undefined;
      const pauseMs =
        askedSeconds === undefined ? Math.min(100 * 2 ** (failures - 1), LONGEST_PAUSE_MS) : askedSeconds * 1_000;
      const where = { topic: this.topic, partition, pauseMs };
      this.logger.warn({ err: cause, ...where }, 'A batch was put off and will be handled again');
      const resume = pause();
      const timer = setTimeout(() => {
        this.pauses.delete(timer);
        resume();
      }, pauseMs);
      this.pauses.add(timer);
      return false;
    }
  }

  /** With its offsets `commitOffsetsIfNecessary` always commits, and also while kafkajs is stopping. */
  private async commit(payload: EachBatchPayload, last: string | undefined): Promise<void> {
    if (last === undefined) return;
    const { topic, partition } = payload.batch;
    payload.resolveOffset(last);
    const offset = (BigInt(last) + 1n).toString();
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
    this.options.onCommitted?.();
  }
}

/** A handler may take longer than the session; kafkajs itself sends heartbeats only between batches. */
function keepAlive(heartbeat: () => Promise<void>, everyMs: number): { error?: Error; end(): void } {
  const state: { error?: Error; end(): void } = { end: () => clearInterval(timer) };
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      state.error ??= error instanceof Error ? error : new Error(String(error));
    });
  }, everyMs);
  return state;
}
