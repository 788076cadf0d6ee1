import { Pool } from 'pg';
import pino from 'pino';
import type { ServiceName } from '#contracts/envelope';
import { ALERTS_TOPIC } from '#contracts/topics';
import { createPostgresEventStore } from '#libs/event-store';
import { useMigratedPostgres } from '#libs/testing';
import { busConformance, type BusHarness } from '../conformance/bus-conformance';
import { createBus, type Bus } from '../create-bus';
import { DeadLetters } from '../dead-letters';
import { runHangingConsumer } from '../conformance/hanging-consumer';

const postgres = useMigratedPostgres();

describe('the bus on PostgreSQL', () => {
  let pools: Map<Bus, Pool>;
  const logger = pino({ level: process.env['BUS_LOG'] ?? 'silent' });

  beforeEach(async () => {
    pools = new Map();
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
      const bus = createBus({
        kind: 'postgres',
        service,
        store: createPostgresEventStore({ pool }),
        pool,
        logger,
      });
      pools.set(bus, pool);
      return bus;
    },
    deadLetters: () => new DeadLetters(postgres.pool('ledger')),
    runHangingConsumer: () => runHangingConsumer({ databaseUrl: postgres.urlFor('case') }),
    async publishMalformed(key) {
      await postgres
        .ownerPool()
        .query(`insert into bus.log (topic, key, id, message) values ($1, $2, 'x', '{"no": "message"}')`, [
          ALERTS_TOPIC,
          key,
        ]);
    },
    caseStore: () => createPostgresEventStore({ pool: postgres.pool('case') }),
  };

  busConformance(() => harness);
});
