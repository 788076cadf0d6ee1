import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { ALERTS_TOPIC, eventTopic } from '#contracts/topics';
import { createPostgresEventStore, type EventStore } from '#libs/event-store';
import { findKafkaProvider, startKafkaBroker, stopKafkaBroker, type KafkaBroker } from '#libs/local';
import { useKafka, useMigratedPostgres } from '#libs/testing';
import { appendCase, consume, message } from '../conformance/bus-fixture';
import { createBus, type Bus } from '../create-bus';
import { eventually } from '../conformance/eventually';
import { done } from '../port';
import { createRelay } from '../relay';
import { createTopics } from './create-topics';

const kafka = useKafka();
const local = kafka.available && findKafkaProvider().kind === 'java';

(local ? describe : describe.skip)('a broker that is killed', () => {
  const postgres = useMigratedPostgres();
  const logger = pino({ level: process.env['BUS_LOG'] ?? 'silent' });
  let dataDir: string;
  let broker: KafkaBroker;
  /** In the order in which they are to stop. */
  const running: { stop(): Promise<void> }[] = [];
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'countersign-kafka-'));
    broker = await startKafkaBroker({ dataDir });
  });
  afterEach(async () => {
    for (const open of running) await open.stop();
  });
  afterAll(async () => {
    await stopKafkaBroker(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('keeps what it confirmed; relay, publisher and consumers go on by themselves when it is back', async () => {
    const settings = { brokers: broker.brokers, sessionTimeoutMs: 6_000 };
    await createTopics(settings, { partitions: 2, topics: [ALERTS_TOPIC, eventTopic('case')] }, logger);
    const bus = (service: 'case' | 'approval' | 'ledger' | 'ingest'): Bus => {
      const pool = postgres.pool(service);
      const store = createPostgresEventStore({ pool });
      return createBus({ kind: 'kafka', service, store, pool, kafka: settings, logger });
    };
    const store: EventStore = createPostgresEventStore({ pool: postgres.pool('case') });
    const [ledger, approval, ingest, cases] = [bus('ledger'), bus('approval'), bus('ingest'), bus('case')];
    const pool = postgres.pool('ledger');
    const ledgerStore = createPostgresEventStore({ pool });
    const relay = createRelay({ store: ledgerStore, publisher: ledger.publisher, pool, logger, batch: 7 });
    relay.start();
    running.push(relay, ledger, approval, ingest, cases);
    const versions: number[] = [];
    const events = await consume(approval, eventTopic('case'), (_, { streamVersion = 0 }) => {
      if (streamVersion > (versions.at(-1) ?? 0)) versions.push(streamVersion);
      return done;
    });

    await appendCase(store, 'case-1', 20);
    await eventually(() => expect(versions).toHaveLength(20));
    await ingest.publisher.publish([message('a-1')]);

    process.kill(broker.pid ?? 0, 'SIGKILL');
    await appendCase(store, 'case-1', 20);
    await expect(ingest.publisher.publish([message('a-2')])).rejects.toMatchObject({ code: 'bus_unavailable' });
    broker = await startKafkaBroker({ dataDir });
    expect(broker).toMatchObject({ adopted: false, brokers: settings.brokers });

    await eventually(() => expect(versions).toHaveLength(40), 45_000);
    expect(versions).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(events.length).toBeGreaterThanOrEqual(40);
    await ingest.publisher.publish([message('a-3')]);
    const alerts = await consume(cases, ALERTS_TOPIC, () => done);
    await eventually(() => expect(alerts).toEqual(expect.arrayContaining(['a-1', 'a-3'])));
    await eventually(async () => expect(await relay.lag()).toBe(0));
  }, 120_000);
});
