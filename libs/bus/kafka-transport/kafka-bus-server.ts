import type { Kafka, KafkaMessage } from 'kafkajs';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Telemetry } from '#libs/telemetry';
import { BusServer, type BusHandler, type OpenMessage } from '../bus-server';
import { DeadLetterOffice } from '../dead-letter-office';
import { withinGrace } from '../grace';
import { Inbox } from '../inbox';
import { ParkingLot } from '../parking';
import { ParkingWatch } from '../parking-watch';
import { SingleActive } from '../single-active';
import { fromKafka, isWanted } from './cloud-events';
import { GroupConsumer } from './group-consumer';
import type { KafkaBusPublisher } from './kafka-bus-publisher';
import { byKafkaGroup } from './kafka-groups';
import type { KafkaSettings } from './kafka-settings';
import { ParkedDrain } from './parked-drain';
import { PartitionWork, type Intake } from './partition-work';

export interface KafkaBusServerOptions {
  readonly kafka: Kafka;
  readonly settings: KafkaSettings;
  readonly group: string;
  readonly open: OpenMessage;
  /** The ledger's database, as the service's own role: parked messages and dead letters. */
  readonly pool: Pool;
  readonly publisher: KafkaBusPublisher;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
}

/** A service need not wait to be up until a group that is being balanced has taken it in. */
const JOIN_PATIENCE_MS = 8_000;

/** Consumes from Kafka by batches with explicit offsets: what is committed is what has its outcomes recorded. */
export class KafkaBusServer extends BusServer {
  private readonly work = new Map<string, PartitionWork>();
  private readonly drains = new Map<string, ParkedDrain>();
  private readonly locks: SingleActive;
  private readonly parking: ParkingLot;
  private readonly watch: ParkingWatch;
  private consumers: GroupConsumer[] = [];

  constructor(private readonly options: KafkaBusServerOptions) {
    super(options.open, { system: 'kafka', ...options });
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
      const takeIn: Intake = async (partition, messages) => {
        const dueIn = await inbox.receive(messages.map((message) => fromKafka(handler.topic, partition, message)));
        if (dueIn !== undefined) this.watch.expect(dueIn);
      };
      const filter = { isWanted: (message: KafkaMessage) => isWanted(message, handler.wants) };
      this.work.set(handler.topic, new PartitionWork(handler.topic, takeIn, handler.batch, logger, filter));
      this.drains.set(handler.topic, new ParkedDrain(inbox, this.locks, `${group}:${handler.topic}:parked`, logger));
    }
    if (handlers.length === 0) return;
    this.watch.start();
    const { kafka, settings } = this.options;
    this.consumers = [...byKafkaGroup(group, this.topics)].map(
      ([name, topics]) =>
        new GroupConsumer({
          kafka,
          settings,
          group: name,
          topics,
          logger,
          handle: async (topic, payload, heartbeatMs) => this.work.get(topic)?.handle(payload, heartbeatMs),
        }),
    );
    await withinGrace(
      this.consumers.map((consumer) => consumer.consume()),
      JOIN_PATIENCE_MS,
    );
  }

  override async stop(): Promise<void> {
    for (const consumer of this.consumers) consumer.cease();
    const work = [...this.work.values()].map((topic) => topic.stop());
    const drains = [...this.drains.values()].map((drain) => drain.stop());
    await withinGrace([this.watch.stop(), ...work, ...drains]);
    for (const topic of this.work.values()) topic.abandon();
    await withinGrace([...this.consumers.map((consumer) => consumer.leave()), this.locks.close()], 1_500);
  }
}
