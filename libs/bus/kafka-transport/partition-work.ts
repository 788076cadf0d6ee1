import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Logger } from 'pino';
import { PutOff } from '../dispatch';
import type { Inbox } from '../inbox';
import type { ParkingWatch } from '../parking-watch';
import { fromKafka } from './cloud-events';

const LONGEST_PAUSE_MS = 10_000;

/** Hands what was fetched from the partitions of one topic to its inbox, and commits what has its outcomes recorded. */
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
    private readonly inbox: Inbox,
    private readonly batchSize: number,
    private readonly watch: ParkingWatch,
    private readonly logger: Logger,
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
    for (let start = 0; start < batch.messages.length; start += this.batchSize) {
      if (this.stopping || !payload.isRunning() || payload.isStale()) return;
      const slice = batch.messages.slice(start, start + this.batchSize);
      const heartbeats = keepAlive(payload.heartbeat, heartbeatMs);
      let recorded: boolean;
      try {
        recorded = await Promise.race([this.receive(payload, slice), this.givenUp]);
      } finally {
        heartbeats.end();
      }
      if (!recorded) return;
      await this.commit(payload, slice);
      if (heartbeats.error !== undefined) throw heartbeats.error;
      await payload.heartbeat();
    }
  }

  /** False when the partition was paused instead: sleeping here would stall the other partitions. */
  private async receive({ batch, pause }: EachBatchPayload, slice: readonly KafkaMessage[]): Promise<boolean> {
    const { partition } = batch;
    try {
      const arrivals = slice.map((message) => fromKafka(this.inbox.topic, partition, message));
      const dueIn = await this.inbox.receive(arrivals);
      if (dueIn !== undefined) this.watch.expect(dueIn);
      this.failures.delete(partition);
      return true;
    } catch (error) {
      const failures = (this.failures.get(partition) ?? 0) + 1;
      this.failures.set(partition, failures);
      const pauseMs = Math.min(100 * 2 ** (failures - 1), LONGEST_PAUSE_MS);
      const cause = error instanceof PutOff ? error.cause : error;
      const where = { topic: this.inbox.topic, partition, pauseMs };
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
  private async commit(payload: EachBatchPayload, slice: readonly KafkaMessage[]): Promise<void> {
    const last = slice.at(-1);
    if (!last) return;
    const { topic, partition } = payload.batch;
    payload.resolveOffset(last.offset);
    const offset = (BigInt(last.offset) + 1n).toString();
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
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
