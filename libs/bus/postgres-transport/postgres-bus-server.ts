import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { EventStore } from '#libs/event-store';
import type { Telemetry } from '#libs/telemetry';
import { BusServer, type BusHandler, type OpenMessage } from '../bus-server';
import { CursorTable } from '../cursor-table';
import type { TopicLag } from '../create-bus';
import { DeadLetterOffice, type Death } from '../dead-letter-office';
import { Inbox } from '../inbox';
import { ParkingLot } from '../parking';
import { ParkingWatch } from '../parking-watch';
import { withinGrace } from '../grace';
import { SingleActive } from '../single-active';
import type { PostgresBusPublisher } from './postgres-bus-publisher';
import { TopicConsumer } from './topic-consumer';
import { topicSource } from './topic-source';

export interface PostgresBusServerOptions {
  readonly group: string;
  readonly open: OpenMessage;
  /** As the service's own role, in the database that holds the ledger. */
  readonly pool: Pool;
  readonly store: EventStore;
  readonly publisher: PostgresBusPublisher;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
}

/** The bus without Kafka: one active consumer for each group and topic, whatever the number of processes. */
export class PostgresBusServer extends BusServer {
  private consumers: TopicConsumer[] = [];
  private readonly locks: SingleActive;
  private readonly parking: ParkingLot;
  private readonly watch: ParkingWatch;

  constructor(private readonly options: PostgresBusServerOptions) {
    super(options.open, { system: 'postgresql', ...options });
    const { pool, group, logger } = options;
    this.locks = new SingleActive(pool, logger);
    this.parking = new ParkingLot(pool, group);
    this.watch = new ParkingWatch(this.parking, logger, (topic) => {
      for (const consumer of this.consumers) if (consumer.topic === topic) consumer.drainSoon();
    });
  }

  protected override start(handlers: readonly BusHandler[]): Promise<void> {
    const { pool, group, logger, store, publisher } = this.options;
    const announceDead = (deaths: readonly Death[]) => publisher.publishDead(group, deaths);
    const { locks, parking, watch } = this;
    const cursors = new CursorTable(pool, group);
    const office = new DeadLetterOffice(pool, group);
    this.consumers = handlers.map((handler) => {
      const inbox = new Inbox({ pool, handler, parking, office, logger, announceDead });
      const source = topicSource(handler.topic, store, pool);
      const lock = `${group}:${handler.topic}`;
      return new TopicConsumer({ inbox, source, cursors, logger, lock, locks, watch, batch: handler.batch });
    });
    for (const consumer of this.consumers) consumer.start();
    this.watch.start();
    return Promise.resolve();
  }

  override async stop(): Promise<void> {
    await withinGrace([this.watch.stop(), ...this.consumers.map((consumer) => consumer.stop())]);
    await withinGrace([this.locks.close()]);
  }

  async lag(): Promise<TopicLag[]> {
    return Promise.all(
      this.consumers.map(async (consumer) => ({ topic: consumer.topic, partition: 0, ...(await consumer.lag()) })),
    );
  }
}
