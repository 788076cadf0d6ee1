import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { ServiceName } from '#contracts/envelope';
import { consumerGroup } from '#contracts/topics';
import type { EventStore } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { NO_TELEMETRY, type Telemetry } from '#libs/telemetry';
import type { BusServer } from './bus-server';
import { DeadLetterOffice } from './dead-letter-office';
import { ConsumerLag } from './kafka-transport/consumer-lag';
import { KafkaBusPublisher } from './kafka-transport/kafka-bus-publisher';
import { KafkaBusServer } from './kafka-transport/kafka-bus-server';
import { kafkaClient } from './kafka-transport/kafka-client';
import type { KafkaSettings } from './kafka-transport/kafka-settings';
import { type Parked, ParkingLot } from './parking';
import type { BusMessage, BusPublisher } from './port';
import { PostgresBusPublisher } from './postgres-transport/postgres-bus-publisher';
import { PostgresBusServer } from './postgres-transport/postgres-bus-server';

export interface MessageCodec {
  /** Throws DomainError for a message that could not be published in the open either. */
  seal(message: BusMessage): BusMessage;
  open(message: BusMessage): BusMessage;
}

export interface BusOptions {
  readonly kind: 'postgres' | 'kafka';
  readonly service: ServiceName;
  readonly store: EventStore;
  /** The ledger's database, as the service's own role. One connection is kept for locks. */
  readonly pool: Pool;
  /** What messages are sealed with when they are published, and opened with when they are handled; neither without. */
  readonly personal?: MessageCodec;
  /** Demanded when the kind is kafka. */
  readonly kafka?: KafkaSettings;
  readonly logger: Logger;
  readonly telemetry?: Telemetry;
}

/** What one service needs of the bus. */
export interface Bus {
  /** The strategy for `connectBus`; the same one at every call. */
  server(): BusServer;
  readonly publisher: BusPublisher;
  /** What is not handled yet, of each topic with a handler. */
  lag(): Promise<TopicLag[]>;
  /** What waits for a retry in the service's group, and open dead letters, by topic. */
  troubles(): Promise<{ parked: Map<string, Parked>; dead: Map<string, number> }>;
  /** Ends the batches in hand, records their outcomes, leaves the group; within about 5 s. */
  stop(): Promise<void>;
}

export interface TopicLag {
  readonly topic: string;
  /** 0 on PostgreSQL. */
  readonly partition: number;
  /** Messages; on PostgreSQL counted up to a thousand, more is shown as that. */
  readonly lag: number;
  /** How long the oldest of them has waited; on Kafka since it was seen first, by one of these looks. Seconds. */
  readonly oldestSeconds: number;
}

type Transport = Omit<Bus, 'troubles'>;

/** @throws DomainError('invalid_configuration') when the kind is kafka and there is no word of where it is. */
export function createBus(options: BusOptions): Bus {
  const group = consumerGroup(options.service);
  const logger = options.logger.child({ bus: options.kind });
  const parking = new ParkingLot(options.pool, group);
  const office = new DeadLetterOffice(options.pool, group);
  const transport =
    options.kind === 'postgres' ? onPostgres(options, group, logger) : onKafka(options, options.kafka, group, logger);
  return {
    ...transport,
    publisher: sealing(transport.publisher, options.personal ?? AS_THEY_ARE),
    troubles: async () => ({ parked: await parking.count(), dead: await office.countOpen() }),
  };
}

function onPostgres(
  { pool, store, personal = AS_THEY_ARE, telemetry = NO_TELEMETRY }: BusOptions,
  group: string,
  logger: Logger,
): Transport {
  const publisher = new PostgresBusPublisher(pool, telemetry);
  const server = new PostgresBusServer({
    group,
    open: (message) => personal.open(message),
    pool,
    store,
    publisher,
    logger,
    telemetry,
  });
  return {
    server: () => server,
    publisher,
    lag: () => server.lag(),
    async stop() {
      await server.stop();
      await publisher.close();
    },
  };
}

function onKafka(
  { pool, service, personal = AS_THEY_ARE, telemetry = NO_TELEMETRY }: BusOptions,
  settings: KafkaSettings | undefined,
  group: string,
  logger: Logger,
): Transport {
  if (settings === undefined || settings.brokers.length === 0) {
    throw new DomainError('invalid_configuration', { field: 'KAFKA_BROKERS', reason: 'names no broker' });
  }
  const kafka = kafkaClient(settings, `countersign-${service}`, logger);
  const prefix = settings.prefix ?? '';
  const publisher = new KafkaBusPublisher(kafka, prefix, logger, telemetry);
  const server = new KafkaBusServer({
    kafka,
    settings,
    group,
    open: (message) => personal.open(message),
    pool,
    publisher,
    logger,
    telemetry,
  });
  const lag = new ConsumerLag(kafka, prefix, group);
  return {
    server: () => server,
    publisher,
    lag: () => lag.of(server.topics),
    async stop() {
      await server.stop();
      await publisher.close();
      await lag.close();
    },
  };
}

const AS_THEY_ARE: MessageCodec = { seal: (message) => message, open: (message) => message };

function sealing(publisher: BusPublisher, personal: MessageCodec): BusPublisher {
  return {
    publish: async (messages) => publisher.publish(messages.map((message) => personal.seal(message))),
    close: () => publisher.close(),
  };
}
