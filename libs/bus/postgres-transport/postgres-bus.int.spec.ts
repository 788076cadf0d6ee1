import { join } from 'node:path';
import { Pool } from 'pg';
import pino from 'pino';
import type { ServiceName } from '#contracts/envelope';
import { createMemoryEventStore, type EventStore } from '#libs/event-store';
import { spawnTypeScript, usePostgres } from '#libs/testing';
import { BUS_DATABASE } from '../bus-database';
import { busConformance, type BusHarness } from '../conformance';
import { createBus, type Bus } from '../create-bus';
import { DeadLetters } from '../dead-letters';
import type { HangingConsumerOptions } from '../hanging-consumer';
import { ALERTS_TOPIC } from '../port';

const postgres = usePostgres(BUS_DATABASE);

describe('the bus on PostgreSQL', () => {
  let pools: Map<Bus, Pool>;
  let store: EventStore;
  const logger = pino({ level: process.env['BUS_LOG'] ?? 'silent' });

  beforeEach(async () => {
    pools = new Map();
    store = createMemoryEventStore();
    await postgres.ownerPool().query('truncate bus.log, bus.cursor, bus.parked, bus.dead_letter');
  });
  afterEach(async () => {
    await Promise.all([...pools.keys()].map((bus) => bus.stop()));
    await Promise.all([...pools.values()].map((pool) => pool.end()));
  });

  const harness: BusHarness = {
    takeoverMs: 10_000,
    createBus(service: ServiceName): Bus {
      const pool = new Pool({ connectionString: postgres.urlFor(service), max: 5 });
      pool.on('error', () => undefined);
      const bus = createBus({ kind: 'postgres', service, store, pool, logger });
      pools.set(bus, pool);
      return bus;
    },
    deadLetters: () => new DeadLetters(postgres.pool('ledger')),
    spawnHangingConsumer() {
      const options: HangingConsumerOptions = { databaseUrl: postgres.urlFor('case') };
      return spawnTypeScript(join(__dirname, '..', 'hanging-consumer.ts'), [JSON.stringify(options)]);
    },
    async publishMalformed(key) {
      await postgres
        .ownerPool()
        .query(`insert into bus.log (topic, key, id, message) values ($1, $2, 'x', '{"no": "message"}')`, [
          ALERTS_TOPIC,
          key,
        ]);
    },
    caseStore: () => store,
  };

  busConformance(() => harness);
});
