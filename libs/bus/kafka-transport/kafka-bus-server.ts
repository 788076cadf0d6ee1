import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { BusServer, type BusHandler, type OpenMessage } from '../bus-server';
import { DeadLetterOffice } from '../dead-letter-office';
import { withinGrace } from '../grace';
import { Inbox } from '../inbox';
import { ParkingLot } from '../parking';
import { ParkingWatch } from '../parking-watch';
import { SingleActive } from '../single-active';
import type { KafkaBusPublisher } from './kafka-bus-publisher';
import type { KafkaSettings } from './kafka-settings';
import { ParkedDrain } from './parked-drain';
import { PartitionWork } from './partition-work';
import { topicName, withoutPrefix } from './topic-name';

export interface KafkaBusServerOptions {
  readonly kafka: Kafka;
  readonly settings: KafkaSettings;
  readonly group: string;
  readonly open: OpenMessage;
  /** The ledger's database, as the service's own role: parked messages and dead letters. */
  readonly pool: Pool;
  readonly publisher: KafkaBusPublisher;
  readonly logger: Logger;
}

const HEARTBEATS_A_SESSION = 4;
/** A service need not wait to be up until a group that is being balanced has taken it in. */
const JOIN_PATIENCE_MS = 8_000;
const RESTART_DELAY_MS = 2_000;

/** Consumes from Kafka by batches with explicit offsets: what is committed is what has its outcomes recorded. */
export class KafkaBusServer extends BusServer {
  private readonly work = new Map<string, PartitionWork>();
  private readonly drains = new Map<string, ParkedDrain>();
  private readonly locks: SingleActive;
  private readonly parking: ParkingLot;
  private readonly watch: ParkingWatch;
  private consumer: Consumer | undefined;
  private restart: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(private readonly options: KafkaBusServerOptions) {
    super(options.open);
    const { pool, group, logger } = options;
    this.locks = new SingleActive(pool, logger);
    this.parking = new ParkingLot(pool, group);
    this.watch = new ParkingWatch(this.parking, logger, (topic) => this.drains.get(topic)?.soon());
  }

  get topics(): string[] {
    return [...this.work.keys()];
  }

  protected override async start(handlers: readonly BusHandler[]): Promise<void> {
    const { pool, group, logger, publisher } = this.options;
    const office = new DeadLetterOffice(pool, group);
    for (const handler of handlers) {
      const inbox = new Inbox({
        pool,
        handler,
        parking: this.parking,
        office,
        logger,
        announceDead: (deaths) => publisher.publishDead(group, deaths),
      });
      this.work.set(handler.topic, new PartitionWork(inbox, handler.batch, this.watch, logger));
      this.drains.set(handler.topic, new ParkedDrain(inbox, this.locks, `${group}:${handler.topic}:parked`, logger));
    }
    if (handlers.length === 0) return;
    this.watch.start();
    await withinGrace([this.consume()], JOIN_PATIENCE_MS);
  }

  override async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    const work = [...this.work.values()].map((topic) => topic.stop());
    const drains = [...this.drains.values()].map((drain) => drain.stop());
    await withinGrace([this.watch.stop(), ...work, ...drains]);
    for (const topic of this.work.values()) topic.abandon();
    const { consumer } = this;
    this.consumer = undefined;
    await withinGrace([consumer?.disconnect() ?? Promise.resolve(), this.locks.close()], 1_500);
  }

  /** Joins the group. A broker that cannot be reached, now or later, is tried again until `stop`. */
  private async consume(): Promise<void> {
    const { kafka, settings, group, logger } = this.options;
    const prefix = settings.prefix ?? '';
    const sessionTimeout = settings.sessionTimeoutMs ?? 10_000;
    const consumer: Consumer = kafka.consumer({
      groupId: topicName(prefix, group),
      sessionTimeout,
      heartbeatInterval: sessionTimeout / HEARTBEATS_A_SESSION,
      rebalanceTimeout: 60_000,
      maxBytesPerPartition: 1024 * 1024,
      maxBytes: 8 * 1024 * 1024,
      maxWaitTimeInMs: 500,
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
      if (!payload.restart && this.consumer === consumer) this.restartLater(payload.error);
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: this.topics.map((topic) => topicName(prefix, topic)), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: settings.concurrency ?? 4,
        eachBatch: (payload) => this.eachBatch(withoutPrefix(prefix, payload.batch.topic), payload),
      });
      logger.info({ topics: this.topics }, 'Consuming from Kafka');
    } catch (error) {
      if (this.consumer === consumer) this.restartLater(error);
    }
  }

  private restartLater(error: unknown): void {
    if (this.stopping) return;
    this.options.logger.warn({ err: error, waitMs: RESTART_DELAY_MS }, 'Cannot consume from Kafka; trying again');
    const given = this.consumer;
    this.consumer = undefined;
    given?.disconnect().catch(() => undefined);
    clearTimeout(this.restart);
    this.restart = setTimeout(() => void this.consume(), RESTART_DELAY_MS);
  }

  private async eachBatch(topic: string, payload: EachBatchPayload): Promise<void> {
    const sessionTimeout = this.options.settings.sessionTimeoutMs ?? 10_000;
    await this.work.get(topic)?.handle(payload, sessionTimeout / HEARTBEATS_A_SESSION);
  }
}
