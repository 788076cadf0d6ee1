import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { ALERTS_TOPIC, consumerGroup, createTopics, eventTopic, type KafkaSettings } from '#libs/bus';
import type { RecordedEvent } from '#libs/event-store';
import { adopt, type EmbeddedPostgres } from '#libs/local';
import { createLogger } from '#libs/service';
import { useKafka, usePostgresTools } from '#libs/testing';
import { eventually } from '../../libs/bus/conformance/eventually';
import { type Dump, dump, prepare, restoreDatabase, restoreRoles, spendTransactions } from './dump-and-restore';
import { Followed, nameOf, Site, urlsOf } from './site';

jest.setTimeout(180_000);

const postgres = usePostgresTools();
const kafka = useKafka();
const STREAMS = ['case-a', 'case-b', 'case-c'];
const TOPICS = [eventTopic('case'), ALERTS_TOPIC];

/** One story: each test goes on where the one before ended. */
postgres.describe('a ledger that moves to another server', () => {
  kafka.describe('and leaves Kafka where it is', () => {
    let folder: string;
    const followed = new Followed();
    let settings: KafkaSettings;
    let second: EmbeddedPostgres;
    let dumped: Dump;
    let beforeBacklog: number;
    /** What stands in the dump, and what came after it. */
    const inDump: RecordedEvent[] = [];
    const later: RecordedEvent[] = [];
    const alerts: string[] = [];

    async function write(site: Site, count: number, into: RecordedEvent[]): Promise<void> {
      for (let index = 0; index < count; index += 1) {
        for (const stream of STREAMS) into.push(await site.append(stream));
        const alert = `siem-${alerts.length}`;
        await site.publish(alert);
        alerts.push(alert);
      }
    }

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'countersign-restore-'));
      settings = { brokers: kafka.brokers, prefix: kafka.freshPrefix(), sessionTimeoutMs: 6_000 };
      await createTopics(settings, { topics: TOPICS, partitions: 2 }, createLogger('silent'));
      const first = await postgres.startServer();
      second = await postgres.startServer();
      await prepare(first);
      await spendTransactions(first, 5_000);

      const old = new Site({ urls: urlsOf(first), followed, kafka: settings });
      await old.follow();
      await write(old, 3, inDump);
      await eventually(() => {
        expect(followed.handled).toHaveLength(9);
        expect(followed.received).toHaveLength(3);
      });
      await old.stopFollowing();
      beforeBacklog = Date.now();
      await write(old, 2, inDump);
      await old.stop();
      dumped = await dump(postgres, first, folder);
      await restoreRoles(postgres, second, dumped);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('goes on where relay and consumers were, each event and each alert once', async () => {
      await restoreDatabase(postgres, second, dumped);
      await adopt({ url: urlsOf(second).owner });
      const site = new Site({ urls: urlsOf(second), followed, kafka: settings });
      await write(site, 2, later);
      await site.follow();
      await write(site, 2, later);
      const written = [...inDump, ...later];
      await eventually(() => {
        expect([...followed.handledIds].sort()).toEqual(written.map(({ id }) => id).sort());
        expect([...followed.received].sort()).toEqual([...alerts].sort());
      });
      for (const stream of STREAMS) {
        const ofStream = (names: readonly string[]) => names.filter((name) => name.startsWith(stream));
        expect(ofStream(followed.handled)).toEqual(ofStream(written.map(nameOf)));
      }
      await site.stopFollowing();
      // What is lost with the restore below, was published, and has not been handled.
      await write(site, 1, later);
      await site.relayAll();
      await site.stop();
    });

    it('after an older backup: publishes the ledger anew, and takes in again the alerts that it has lost', async () => {
      const urls = urlsOf(second, 'older_backup');
      await restoreDatabase(postgres, second, dumped, 'older_backup');
      await adopt({ url: urls.owner });
      const again = new Followed();
      const site = new Site({ urls, followed: again, kafka: settings });
      await site.asOwner(`delete from bus.cursor where consumer_group = 'relay'`);
      await withAdmin(settings, async (admin, named) => {
        const events = { topic: named(eventTopic('case')), groupId: named(consumerGroup('playbook-orchestrator')) };
        const ends = await admin.fetchTopicOffsets(events.topic);
        await admin.setOffsets({
          ...events,
          partitions: ends.map(({ partition, high: offset }) => ({ partition, offset })),
        });
        const alertsOf = { topic: named(ALERTS_TOPIC), groupId: named(consumerGroup('enrichment')) };
        const partitions = await admin.fetchTopicOffsetsByTimestamp(alertsOf.topic, beforeBacklog);
        await admin.setOffsets({ ...alertsOf, partitions });
      });

      const anew: RecordedEvent[] = [];
      anew.push(await site.append('case-a'));
      await site.follow();
      const stands = [...inDump, ...anew].map(({ id }) => id);
      await eventually(() => {
        expect([...new Set(again.handledIds)].sort()).toEqual(stands.sort());
        expect([...again.received].sort()).toEqual(alerts.slice(3).sort());
      });
      expect(again.handledIds.filter((id) => later.some((event) => event.id === id))).toEqual([]);
      await site.stop();
    });
  });
});

async function withAdmin(
  { brokers, prefix = '' }: KafkaSettings,
  work: (admin: ReturnType<Kafka['admin']>, named: (name: string) => string) => Promise<void>,
): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin, (name) => `${prefix}${name}`);
  } finally {
    await admin.disconnect();
  }
}
