import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { findKafkaProvider, startKafkaBroker, stopKafkaBroker, type KafkaBroker } from '#libs/local';
import { createLogger, startService, type RunningService } from '#libs/service';
import { useKafka } from '#libs/testing';
import { useIngestService } from '../../services/ingest/src/ingest-service.fixture';
import { service as ingestDefinition } from '../../services/ingest/src/service';

const kafka = useKafka();
const local = kafka.available && findKafkaProvider().kind === 'java';
const PATIENCE_MS = 50_000;
/** A broker is given a minute to start. */
const START_MS = 90_000;

(local ? describe : describe.skip)('a cluster of the SOC whose broker is killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-kafka-sources-'));
  const file = join(folder, 'sources.yaml');
  const dataDir = join(folder, 'broker');
  const ingest = useIngestService();
  let broker: KafkaBroker;
  let service: RunningService | undefined;

  beforeAll(async () => {
    broker = await startKafkaBroker({ dataDir });
    const topics = [{ topic: 'edr.alerts', source: 'edr' }];
    writeFileSync(file, JSON.stringify({ clusters: [{ name: 'soc', brokers: broker.brokers, topics }] }));
  }, START_MS);
  afterAll(async () => {
    await service?.stop();
    await stopKafkaBroker(dataDir);
    rmSync(folder, { recursive: true, force: true });
  });

  async function send(...ids: string[]): Promise<void> {
    const client = new Kafka({ clientId: 'soc', brokers: [...broker.brokers], logLevel: logLevel.NOTHING });
    const producer = client.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const messages = ids.map((id) => ({ value: JSON.stringify({ event_id: id, search_name: 'S', urgency: 'high' }) }));
    await producer.send({ topic: 'edr.alerts', messages });
    await producer.disconnect();
  }

  async function seen(sourceId: string, id: string): Promise<string[]> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const alerts = await ingest().published(sourceId);
      const ids = alerts.map(({ data }) => String(Object(data['finding']).finding_info.uid));
      if (ids.includes(id) || performance.now() > deadline) return ids;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  it('is read on once it is back, without a gap', async () => {
    const { source } = await ingest().register('edr');
    const env = { ...ingest().env, COUNTERSIGN_KAFKA_SOURCES_FILE: file };
    service = await startService(ingestDefinition, { env, logger: createLogger('silent') });
    const admin = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const topics = [{ topic: 'edr.alerts', numPartitions: 1, replicationFactor: 1 }];
    await admin.createTopics({ topics, waitForLeaders: false });
    await admin.disconnect();
    await send('before');
    expect(await seen(source.id, 'before')).toEqual(['before']);

    process.kill(broker.pid ?? 0, 'SIGKILL');
    broker = await startKafkaBroker({ dataDir });
    await send('after-1', 'after-2');
    const ids = await seen(source.id, 'after-2');
    expect([...new Set(ids)]).toEqual(['before', 'after-1', 'after-2']);
  }, 150_000);
});
