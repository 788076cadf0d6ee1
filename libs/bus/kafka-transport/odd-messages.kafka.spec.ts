import { Pool } from 'pg';
import pino from 'pino';
import type { ServiceName } from '#contracts/envelope';
import { ALERTS_TOPIC } from '#contracts/topics';
import { createPostgresEventStore } from '#libs/event-store';
import { useKafka, useMigratedPostgres } from '#libs/testing';
import { consume, message } from '../conformance/bus-fixture';
import { eventually } from '../conformance/eventually';
import { createBus, type Bus } from '../create-bus';
import { DeadLetters } from '../dead-letters';
import { done } from '../port';
import { createTopics } from './create-topics';
import { kafkaClient } from './kafka-client';
import type { KafkaSettings } from './kafka-settings';

const TEN_MB = 10_000_000;
const HOUR_MS = 3_600_000;

const kafka = useKafka();

kafka.describe('on Kafka', () => {
  const postgres = useMigratedPostgres();
  const logger = pino({ level: process.env['BUS_LOG'] ?? 'silent' });
  let settings: KafkaSettings;
  let opened: { bus: Bus; pool: Pool }[];

  beforeEach(async () => {
    opened = [];
    await postgres.ownerPool().query('truncate bus.parked, bus.dead_letter');
    settings = { brokers: kafka.brokers, prefix: kafka.freshPrefix(), sessionTimeoutMs: 6_000 };
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ bus }) => bus.stop()));
    await Promise.all(opened.map(({ pool }) => pool.end()));
    await withAdmin(async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(settings.prefix ?? ''));
      if (topics.length > 0) await admin.deleteTopics({ topics });
    });
  });

  async function withAdmin(
    work: (admin: ReturnType<ReturnType<typeof kafkaClient>['admin']>) => Promise<unknown>,
  ): Promise<void> {
    const admin = kafkaClient(settings, 'tests', logger).admin();
    await admin.connect();
    await work(admin);
    await admin.disconnect();
  }

  function bus(service: ServiceName): Bus {
    const pool = new Pool({ connectionString: postgres.urlFor(service), max: 5 });
    pool.on('error', () => undefined);
    const made = createBus({
      kind: 'kafka',
      service,
      store: createPostgresEventStore({ pool }),
      pool,
      kafka: settings,
      logger,
    });
    opened.push({ bus: made, pool });
    return made;
  }

  const makeTopics = () => createTopics(settings, { partitions: 1, topics: [ALERTS_TOPIC] }, logger);
  const topic = () => `${settings.prefix}${ALERTS_TOPIC}`;

  async function produceRaw(key: string, value: Buffer): Promise<void> {
    const producer = kafkaClient(settings, 'tests', logger).producer();
    await producer.connect();
    try {
      await producer.send({ topic: topic(), messages: [{ key, value }] });
    } finally {
      await producer.disconnect();
    }
  }

  describe('a message of 10 MB', () => {
    it('is refused by name before it is sent, and by the topic from whoever sends it', async () => {
      await makeTopics();
      const large = message('a-1', { data: { text: 'x'.repeat(TEN_MB) } });
      await expect(bus('ingest').publisher.publish([large])).rejects.toMatchObject({ code: 'message_too_large' });
      await expect(produceRaw('a', Buffer.alloc(TEN_MB, 'x'))).rejects.toThrow(/larger than|too large/i);
    });

    it('that stands on a topic which takes it becomes a dead letter, and keeps nobody waiting', async () => {
      await makeTopics();
      await withAdmin((admin) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [
            { type: 2, name: topic(), configEntries: [{ name: 'max.message.bytes', value: String(2 * TEN_MB) }] },
          ],
        }),
      );
      const seen = await consume(bus('case'), ALERTS_TOPIC, () => done);
      const { publisher } = bus('ingest');
      await publisher.publish([message('a-1')]);
      await produceRaw('a', Buffer.alloc(TEN_MB, 'x'));
      await publisher.publish([message('a-2')]);
      await eventually(() => expect(seen).toEqual(['a-1', 'a-2']), 45_000);
      const letters = () =>
        new DeadLetters(postgres.pool('ledger')).list({ tenant: 'default', unattributed: true, limit: 9 });
      await eventually(async () => expect((await letters()).items).toMatchObject([{ code: 'invalid_message' }]));
      expect(JSON.stringify((await letters()).items[0]?.message).length).toBeGreaterThan(TEN_MB);
    }, 90_000);
  });

  describe('a service whose clock is wrong', () => {
    afterEach(() => jest.restoreAllMocks());

    it.each([
      ['a day and more ahead', 30 * HOUR_MS],
      ['behind by longer than messages are kept', -30 * 24 * HOUR_MS],
    ])('publishes as any other: %s', async (_, byMs) => {
      await makeTopics();
      const right = Date.now.bind(Date);
      jest.spyOn(Date, 'now').mockImplementation(() => right() + byMs);
      await bus('ingest').publisher.publish([message('a-1')]);
      jest.restoreAllMocks();
      const seen = await consume(bus('case'), ALERTS_TOPIC, () => done);
      await eventually(() => expect(seen).toEqual(['a-1']));
      await withAdmin(async (admin) => {
        const offsets = await admin.fetchTopicOffsetsByTimestamp(topic(), right() - HOUR_MS);
        // It is kept for as long as any other: by the time at which the broker got it.
        expect(offsets).toMatchObject([{ partition: 0, offset: '0' }]);
      });
    });
  });

  describe('a topic that does not exist', () => {
    it('refuses what is published, to be sent again, and takes it once it is there', async () => {
      const { publisher } = bus('ingest');
      await expect(publisher.publish([message('a-1')])).rejects.toMatchObject({ code: 'bus_unavailable' });
      await makeTopics();
      await eventually(async () => expect(await publisher.publish([message('a-1')])).toBeUndefined());
    }, 60_000);

    it('is waited for by who consumes it', async () => {
      const seen = await consume(bus('case'), ALERTS_TOPIC, () => done);
      await makeTopics();
      await bus('ingest').publisher.publish([message('a-1')]);
      await eventually(() => expect(seen).toEqual(['a-1']), 45_000);
    }, 90_000);
  });
});
