import { Pool } from 'pg';
import pino from 'pino';
import type { ServiceName } from '#contracts/envelope';
import { ALERT_TOPICS, ALERTS_TOPIC, eventTopic } from '#contracts/topics';
import { createPostgresEventStore } from '#libs/event-store';
import { useKafka, useMigratedPostgres } from '#libs/testing';
import { busConformance, type BusHarness } from '../conformance/bus-conformance';
import { createBus, type Bus } from '../create-bus';
import { DeadLetters } from '../dead-letters';
import { runHangingConsumer } from '../conformance/hanging-consumer';
import { createRelay, type Relay } from '../relay';
import { createTopics } from './create-topics';
import { kafkaClient } from './kafka-client';
import type { KafkaSettings } from './kafka-settings';

const kafka = useKafka();

kafka.describe('the bus on Kafka', () => {
  const postgres = useMigratedPostgres();
  const logger = pino({ level: process.env['BUS_LOG'] ?? 'silent' });
  let settings: KafkaSettings;
  let pools: Map<Bus, Pool>;
  let relay: Relay;

  beforeEach(async () => {
    pools = new Map();
    await postgres.ownerPool().query('truncate bus.cursor, bus.parked, bus.dead_letter');
    settings = { brokers: kafka.brokers, prefix: kafka.freshPrefix(), sessionTimeoutMs: 6_000 };
    const topics = [...Object.values(ALERT_TOPICS), eventTopic('case')];
    await createTopics(settings, { partitions: 3, topics }, logger);
    const ledger = harness.createBus('ledger');
    const pool = postgres.pool('ledger');
    relay = createRelay({ store: createPostgresEventStore({ pool }), publisher: ledger.publisher, pool, logger });
    relay.start();
  });
  afterEach(async () => {
    await relay.stop();
    await Promise.all([...pools.keys()].map((bus) => bus.stop()));
    await Promise.all([...pools.values()].map((pool) => pool.end()));
    const admin = kafkaClient(settings, 'tests', logger).admin();
    await admin.connect();
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(settings.prefix ?? ''));
    await admin.deleteTopics({ topics });
    await admin.disconnect();
  });

  const harness: BusHarness = {
    takeoverMs: 30_000,
    createBus(service: ServiceName): Bus {
      const pool = new Pool({ connectionString: postgres.urlFor(service), max: 5 });
      pool.on('error', () => undefined);
      const bus = createBus({
        kind: 'kafka',
        service,
        store: createPostgresEventStore({ pool }),
        pool,
        kafka: settings,
        logger,
      });
      pools.set(bus, pool);
      return bus;
    },
    deadLetters: () => new DeadLetters(postgres.pool('ledger')),
    runHangingConsumer: () => runHangingConsumer({ databaseUrl: postgres.urlFor('case'), kafka: settings }),
    async publishMalformed(key) {
      const producer = kafkaClient(settings, 'tests', logger).producer();
      await producer.connect();
      const topic = `${settings.prefix}${ALERTS_TOPIC}`;
      await producer.send({ topic, messages: [{ key, value: 'no { JSON', headers: { ce_specversion: '1.0' } }] });
      await producer.disconnect();
    },
    caseStore: () => createPostgresEventStore({ pool: postgres.pool('case') }),
  };

  busConformance(() => harness);
});
