import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CompressionTypes, Kafka, logLevel, type Admin, type Message, type Producer } from 'kafkajs';
import type { BusMessage } from '#libs/bus';
import { createLogger, startService, type RunningService } from '#libs/service';
import { runTypeScript, useKafka } from '#libs/testing';
import { useIngestService } from '../../services/ingest/src/ingest-service.fixture';
import { service as ingestDefinition } from '../../services/ingest/src/service';

const kafka = useKafka();
const run = randomBytes(4).toString('hex');
const nameOf = (topic: string) => `soc-${run}.${topic}`;
const folder = mkdtempSync(join(tmpdir(), 'countersign-kafka-sources-'));
const file = join(folder, 'sources.yaml');

const TOPICS = ['normal', 'later', 'orphan', 'latest', 'killed', 'shared', 'limited', 'snappy', 'lz4', 'zstd'] as const;
/** The broker compresses what lies on these topics anew, as a client in Java does. */
const CODECS = ['snappy', 'lz4', 'zstd'] as const;
type Name = (typeof TOPICS)[number];

/** `from` is earliest but for the one topic. */
const sourcesFile = (brokers: readonly string[]): string =>
  JSON.stringify({
    clusters: [
      {
        name: 'soc',
        brokers,
        topics: TOPICS.map((topic) => ({
          ...{ topic: nameOf(topic), source: topic, group: `group-${run}.${topic}` },
          ...(topic === 'latest' && { from: 'latest' }),
        })),
      },
    ],
  });

kafka.describe('topics that the SOC has on a Kafka cluster of its own', () => {
  let admin: Admin;
  let producer: Producer;

  beforeAll(async () => {
    writeFileSync(file, sourcesFile(kafka.brokers));
    const client = new Kafka({ clientId: 'soc', brokers: [...kafka.brokers], logLevel: logLevel.NOTHING });
    admin = client.admin();
    producer = client.producer();
    await Promise.all([admin.connect(), producer.connect()]);
    await make('normal', 3);
    await make('orphan', 1);
    await make('latest', 2);
    await make('killed', 1);
    await make('shared', 6);
    await make('limited', 1);
    for (const codec of CODECS) await make(codec, 1, codec);
    await send('latest', { value: notable('before-we-came') });
  });
  // Registers sources, and has no topics itself.
  const ingest = useIngestService();
  let first: RunningService;
  beforeAll(async () => {
    first = await startAnother();
  });
  afterAll(async () => {
    await Promise.all(running.map((service) => service.stop()));
    const ours = (await admin.listTopics()).filter((topic) => topic.startsWith(`soc-${run}.`));
    await admin.deleteTopics({ topics: ours });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
    rmSync(folder, { recursive: true });
  });

  const running: RunningService[] = [];
  const startAnother = async (): Promise<RunningService> => {
    const env = { ...ingest().env, COUNTERSIGN_KAFKA_SOURCES_FILE: file };
    const service = await startService(ingestDefinition, { env, logger: createLogger('silent') });
    running.push(service);
    return service;
  };
  const make = async (topic: Name, numPartitions: number, compression = 'producer'): Promise<void> => {
    const name = nameOf(topic);
    const configEntries = [{ name: 'compression.type', value: compression }];
    await admin.createTopics({
      topics: [{ topic: name, numPartitions, replicationFactor: 1, configEntries }],
      waitForLeaders: false,
    });
    // The client itself gives up on a topic of which the broker has not heard yet.
    const isLed = async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
      return topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
    };
    await eventually(
      () => isLed().catch(() => false),
      (led) => led,
    );
  };
  const send = (topic: Name, ...messages: Message[]) =>
    producer.send({ topic: nameOf(topic), messages, compression: CompressionTypes.GZIP, acks: -1 });
  const notable = (id: string, more: object = {}) =>
    JSON.stringify({ event_id: id, search_name: 'Guessing', urgency: 'high', ...more });
  const published = async (sourceId: string) => (await ingest().published(sourceId)).map(({ data }) => data);

  async function eventually<T>(look: () => Promise<T>, isThere: (seen: T) => boolean): Promise<T> {
    const deadline = performance.now() + 50_000;
    for (;;) {
      const seen = await look();
      if (isThere(seen) || performance.now() > deadline) return seen;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** The values of a metric of the sources, by topic. */
  async function metric(name: string, { url }: RunningService = first): Promise<Map<string, number>> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const found = new Map<string, number>();
    for (const line of text.split('\n')) {
      if (!line.startsWith(`countersign_kafka_source_${name}{`)) continue;
      const topic = /topic="soc-\w+\.(\w+)"/.exec(line)?.[1] ?? '';
      found.set(topic, (found.get(topic) ?? 0) + Number(line.split(' ').at(-1)));
    }
    return found;
  }

  const idsOf = (alerts: readonly BusMessage['data'][]) =>
    alerts.map(({ finding }) => Object(finding).finding_info.uid);

  it('are read by the formats, and nothing that lies there stops them', async () => {
    const { source } = await ingest().register('normal');
    const anonymous = JSON.stringify({ sid: 's', search_name: 'No id', result: { a: 1 } });
    const values: (Buffer | string | null)[] = [
      notable('one'),
      null,
      'no { JSON',
      gzipSync(notable('zipped')),
      Buffer.from([0, 0, 0, 0, 7, 2, 65]),
      Buffer.from([0xff, 0xfe, 0xfd]),
      '',
      `${notable('line-1')}\n{"broken": tru}\n${notable('line-2')}\n`,
      `[${notable('item-1')}, ${notable('item-2')}]`,
      anonymous,
      anonymous,
      notable('NUL', { user: '\u0000' }),
      notable('last'),
    ];
    await send('normal', ...values.map((value) => ({ value, partition: 1 })), {
      value: notable('elsewhere'),
      partition: 0,
    });
    const alerts = await eventually(
      () => published(source.id),
      (seen) => seen.length >= 17,
    );
    const accepted = alerts.filter(({ code }) => code === undefined);
    expect(idsOf(accepted).filter((id) => typeof id === 'string' && id.length < 20)).toEqual(
      expect.arrayContaining(['one', 'line-1', 'line-2', 'item-1', 'item-2', 'last', 'elsewhere']),
    );
    const unnamed = accepted.filter(({ original }) => Object(original).body === anonymous);
    expect(new Set(unnamed.map(({ alertId }) => alertId)).size).toBe(2);
    expect(new Set(unnamed.map(({ digest }) => digest)).size).toBe(1);
    const refused = alerts.flatMap(({ code, reason }) => (code === undefined ? [] : [[code, String(reason)]]));
    const at = (offset: string) =>
      expect.stringMatching(new RegExp(`It lies at kafka://soc/soc-${run}[.]normal/1/${offset}[.]$`));
    expect(refused).toEqual([
      ['invalid_json', at('1')],
      ['invalid_json', at('2')],
      ['unsupported_media_type', at('3')],
      ['unsupported_media_type', at('4')],
      ['invalid_character', at('5')],
      ['invalid_json', at('6')],
      ['invalid_json', at('7/1')],
      ['invalid_character', at('11')],
    ]);
    await eventually(
      () => metric('lag_records'),
      (lag) => lag.get('normal') === 0,
    );
    expect((await metric('lag_records')).get('normal')).toBe(0);
    expect((await metric('records_total')).get('normal')).toBe(14);
    expect((await metric('alerts_total')).get('normal')).toBe(17);
    expect((await metric('rejected_total')).get('normal')).toBe(8);
    expect((await metric('commit_age_seconds')).get('normal')).toBeLessThan(600);
  });

  it('are waited for while they do not exist, and others go on', async () => {
    const { source } = await ingest().register('later');
    const consuming = await eventually(
      () => metric('consuming'),
      (seen) => seen.get('normal') === 1,
    );
    expect([consuming.get('normal'), consuming.get('later')]).toEqual([1, 0]);
    await make('later', 2);
    await send('later', { value: notable('made-later') });
    const alerts = await eventually(
      () => published(source.id),
      (seen) => seen.length > 0,
    );
    expect(idsOf(alerts)).toEqual(['made-later']);
    expect((await metric('consuming')).get('later')).toBe(1);
  });

  it('wait for their source to be registered', async () => {
    await send('orphan', { value: notable('waits') });
    const lag = await eventually(
      () => metric('lag_records'),
      (seen) => seen.get('orphan') === 1,
    );
    expect(lag.get('orphan')).toBe(1);
    const { source } = await ingest().register('orphan');
    const alerts = await eventually(
      () => published(source.id),
      (seen) => seen.length > 0,
    );
    expect(idsOf(alerts)).toEqual(['waits']);
  });

  it('are read more slowly by a source that is over its limit, and wholly all the same', async () => {
    const { source } = await ingest().register('limited');
    await ingest().asRoot('PATCH', '/v1/sources/limited', { alertsPerSecond: 100 });
    const lines = (round: number) => Array.from({ length: 150 }, (_, line) => notable(`l-${round}-${line}`)).join('\n');
    for (let round = 0; round < 3; round += 1) await send('limited', { value: lines(round) });
    const alerts = await eventually(
      () => published(source.id),
      (seen) => new Set(idsOf(seen)).size === 450,
    );
    expect(new Set(idsOf(alerts)).size).toBe(450);
  });

  it('are read from their end on where that is asked for, and from there on without a gap', async () => {
    const { source } = await ingest().register('latest');
    await eventually(
      () => metric('consuming'),
      (seen) => seen.get('latest') === 1,
    );
    await send('latest', { value: notable('after-0'), partition: 0 }, { value: notable('after-1'), partition: 1 });
    const alerts = await eventually(
      () => published(source.id),
      (seen) => seen.length >= 2,
    );
    expect(new Set(idsOf(alerts))).toEqual(new Set(['after-0', 'after-1']));
  });

  it.each(CODECS)('are read in batches that are compressed by %s', async (codec) => {
    const { source } = await ingest().register(codec);
    const ids = Array.from({ length: 100 }, (_, number) => `${codec}-${number}`);
    await send(codec, ...ids.map((id) => ({ value: notable(id, { rule_description: `${id} `.repeat(200) }) })));
    const alerts = await eventually(
      () => published(source.id),
      (seen) => seen.length >= ids.length,
    );
    expect(new Set(idsOf(alerts))).toEqual(new Set(ids));
  });

  it('lose and double nothing by the death of a process between the bus and the commit', async () => {
    const { source } = await ingest().register('killed');
    await first.stop();
    const program = `
      import { Kafka } from 'kafkajs';
      import { startService, createLogger } from '#libs/service';
      import { service } from '#services/ingest';
      const consumer = Kafka.prototype.consumer;
      Kafka.prototype.consumer = function (...args) {
        const made = consumer.apply(this, args);
        const run = made.run;
        made.run = (config) => run({ ...config, eachBatch: (payload) => config.eachBatch({
          ...payload,
          commitOffsetsIfNecessary: () => { console.log('published'); return new Promise(() => undefined); },
        }) });
        return made;
      };
      startService(service, { env: process.env, logger: createLogger('silent') }).catch((error) => { console.error(error); process.exit(1); });
    `;
    const anonymous = (line: number) => ({ value: JSON.stringify({ sid: 's', search_name: 'S', result: { line } }) });
    await send(
      'killed',
      ...Array.from({ length: 20 }, (_, line) => (line % 2 === 0 ? { value: notable(`k-${line}`) } : anonymous(line))),
    );
    const child = runTypeScript(program, { ...ingest().env, COUNTERSIGN_KAFKA_SOURCES_FILE: file });
    expect(await child.nextLine()).toBe('published');
    child.kill();
    await child.ended();
    expect(await published(source.id)).toHaveLength(20);
    await send('killed', { value: notable('k-after') });
    await startAnother();
    const all = await eventually(
      () => published(source.id),
      (seen) => idsOf(seen).includes('k-after'),
    );
    // Delivered again, each is what it was: a duplicate in the account.
    const versions = new Set(all.map(({ alertId, digest }) => `${String(alertId)} ${String(digest)}`));
    expect([all.length, versions.size]).toEqual([41, 21]);
  });

  it('are shared by instances that come and go, without a gap', async () => {
    const { source } = await ingest().register('shared');
    const one = await startAnother();
    const batch = (from: number, to: number) =>
      send('shared', ...Array.from({ length: to - from }, (_, index) => ({ value: notable(`s-${from + index}`) })));
    await batch(0, 300);
    const two = await startAnother();
    for (let from = 300; from < 900; from += 100) await batch(from, from + 100);
    await eventually(
      () => metric('records_total', two),
      (seen) => (seen.get('shared') ?? 0) > 0,
    );
    await one.stop();
    await batch(900, 1_200);
    const alerts = await eventually(
      () => published(source.id),
      (seen) => new Set(idsOf(seen)).size === 1_200,
    );
    expect(new Set(idsOf(alerts)).size).toBe(1_200);
    expect(new Set(alerts.map(({ alertId }) => alertId)).size).toBe(1_200);
    await eventually(
      () => metric('lag_records', two),
      (lag) => lag.get('shared') === 0,
    );
    expect((await metric('lag_records', two)).get('shared')).toBe(0);
  });
});
