import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import type { KafkaSettings } from './kafka-settings';
import { topicName, withoutPrefix } from './topic-name';

export interface GroupConsumerOptions {
  readonly kafka: Kafka;
  readonly settings: KafkaSettings;
  /** Names of ours, without the prefix. */
  readonly group: string;
  readonly topics: readonly string[];
  readonly logger: Logger;
  /** kafkajs's `eachBatch`, with the topic as we name it. */
  readonly handle: (topic: string, payload: EachBatchPayload, heartbeatMs: number) => Promise<void>;
  /** Done before the group is joined: what it throws is a failure like any other. */
  readonly prepare?: () => Promise<void>;
  /** Told of every failure, instead of the log. */
  readonly onTrouble?: (error: unknown) => void;
  readonly onJoined?: () => void;
}

const HEARTBEATS_A_SESSION = 4;
const RESTART_DELAY_MS = 2_000;
/**
 * A fetch ends with the first message that comes: this long it waits where none does, in each of the groups of each service,
 * and names every partition anew. A stop, heartbeats and a partition that was paused wait for its end.
 */
const LONGEST_FETCH_MS = 1_000;

/** A member of one of Kafka's consumer groups, which comes back after every failure until it is stopped. */
export class GroupConsumer {
  private consumer: Consumer | undefined;
  private restart: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(private readonly options: GroupConsumerOptions) {}

  /** Stops fetching anew; what is in hand goes on. */
  cease(): void {
    this.stopping = true;
    clearTimeout(this.restart);
  }

  async leave(): Promise<void> {
    const { consumer } = this;
    this.consumer = undefined;
    await consumer?.disconnect();
  }

  /** Joins the group. A broker that cannot be reached, now or later, is tried again until `stop`. */
  async consume(): Promise<void> {
    const { kafka, settings, group, topics, logger, handle, prepare, onTrouble, onJoined } = this.options;
    const prefix = settings.prefix ?? '';
    const sessionTimeout = settings.sessionTimeoutMs ?? 10_000;
    const heartbeatMs = sessionTimeout / HEARTBEATS_A_SESSION;
    const consumer: Consumer = kafka.consumer({
      groupId: topicName(prefix, group),
      sessionTimeout,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: 60_000,
      maxBytesPerPartition: 1024 * 1024,
      maxBytes: 8 * 1024 * 1024,
      maxWaitTimeInMs: LONGEST_FETCH_MS,
      allowAutoTopicCreation: false,
      retry: {
        initialRetryTime: 200,
        maxRetryTime: 2_000,
        retries: 6,
        // A consumer that is stopped while it joins would otherwise come back by itself.
        restartOnFailure: () => Promise.resolve(this.consumer === consumer),
      },
    });
    this.consumer = consumer;
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (this.consumer !== consumer) return;
      if (payload.restart) onTrouble?.(payload.error);
      else this.restartLater(payload.error);
    });
    consumer.on(consumer.events.GROUP_JOIN, () => onJoined?.());
    try {
      await prepare?.();
      if (this.consumer !== consumer) return;
      await consumer.connect();
      await consumer.subscribe({ topics: topics.map((topic) => topicName(prefix, topic)), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: settings.concurrency ?? 4,
        eachBatch: (payload) => handle(withoutPrefix(prefix, payload.batch.topic), payload, heartbeatMs),
      });
      logger.info({ topics }, 'Consuming from Kafka');
    } catch (error) {
      if (this.consumer === consumer) this.restartLater(error);
    }
  }

  private restartLater(error: unknown): void {
    if (this.stopping) return;
    const { logger, onTrouble } = this.options;
    if (onTrouble !== undefined) onTrouble(error);
    else logger.warn({ err: error, waitMs: RESTART_DELAY_MS }, 'Cannot consume from Kafka; trying again');
    const given = this.consumer;
    this.consumer = undefined;
    given?.disconnect().catch(() => undefined);
    clearTimeout(this.restart);
    this.restart = setTimeout(() => void this.consume(), RESTART_DELAY_MS);
  }
}
