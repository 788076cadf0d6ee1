import { type IHeaders, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { ALERT_TOPICS, ALERTS_TOPIC } from '#contracts/topics';
import type { IngestAccount } from '#contracts/http/ingest';
import type { DeadLetterView } from '#contracts/http/ledger';
import { newId } from '#libs/kernel';
import { dataFolder, startEmbeddedPostgres, startKafkaBroker } from '#libs/local';
import { useKafka } from '#libs/testing';
import { bruteForceAlert, deliver } from './alert-feed';
import { type CommandOutput, countersign } from './command-line';
import { eventually } from './eventually';
import { PATIENCE_MS, RunningDemo, useDataFolder } from './running-demo';

jest.setTimeout(2 * PATIENCE_MS);

const TEN_MB = 10_000_000;

const kafkaOfTests = useKafka();

/** What comes over Kafka and cannot be taken in: each is a letter that an operator finds, reads and decides on. */
kafkaOfTests.describe('npx countersign dlq', () => {
  const data = useDataFolder();
  let demo: RunningDemo;
  let kafka: Kafka;
  let genuine: KafkaMessage;

  beforeAll(async () => {
    demo = await RunningDemo.start(data, '--cluster');
    const { brokers } = await startKafkaBroker({ dataDir: dataFolder(data).kafka });
    kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    await deliver(demo, bruteForceAlert());
    genuine = await firstAlert();
  }, 2 * PATIENCE_MS);

  /** An alert as it stands on its topic. */
  async function firstAlert(): Promise<KafkaMessage> {
    const consumer = kafka.consumer({ groupId: 'tests' });
    await consumer.connect();
    await consumer.subscribe({ topics: Object.values(ALERT_TOPICS), fromBeginning: true });
    const first = await new Promise<KafkaMessage>((resolve, reject) => {
      consumer.run({ eachMessage: ({ message }) => Promise.resolve(resolve(message)) }).catch(reject);
    });
    await consumer.disconnect();
    return first;
  }

  async function put(key: string, value: Buffer, headers?: IHeaders): Promise<void> {
    const producer = kafka.producer();
    await producer.connect();
    try {
      await producer.send({ topic: ALERTS_TOPIC, messages: [{ key, value, headers }] });
    } finally {
      await producer.disconnect();
    }
  }

  const dlq = (subject: string, ...args: string[]): Promise<CommandOutput> =>
    countersign(['dlq', ...args, '--url', demo.url, '--as', subject]);

  async function asJson<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await dlq('root', ...args, '--json');
    if (code !== 0) throw new Error(`dlq ${args.join(' ')} ended with ${code}: ${stderr}`);
    const parsed: T = JSON.parse(stdout);
    return parsed;
  }

  /** The open letter with this key: of enrichment, which takes what stands on the topic first, or of another group. */
  const letterOf = (key: string, of = 'countersign.enrichment'): Promise<DeadLetterView> =>
    eventually(`a letter of ${key}`, async () => {
      const { items } = await asJson<{ items: DeadLetterView[] }>('list', '--status', 'open');
      const found = items.find(({ message, group }) => group === of && keyOf(message) === key);
      return found && asJson<DeadLetterView>('show', found.id);
    });

  /** What waits to be tried again has been tried as often as it is, but for once. */
  async function passTime(): Promise<void> {
    const server = await startEmbeddedPostgres({ folder: dataFolder(data).postgres });
    const client = new Client({ connectionString: server.url('countersign') });
    await client.connect();
    try {
      await eventually('what waits', async () => {
        const { rowCount } = await client.query(
          `update bus.parked set attempts = 19, due_at = clock_timestamp() where attempts between 1 and 18`,
        );
        return (rowCount ?? 0) > 0;
      });
    } finally {
      await client.end();
    }
  }

  /** The genuine alert, under an id of its own. */
  function renamed(id: string, changed: IHeaders = {}): IHeaders {
    return { ...genuine.headers, ce_id: id, ce_subject: id, ce_correlationid: id, ...changed };
  }

  async function dropped(id: string): Promise<void> {
    const { code, stdout } = await dlq('root', 'drop', id);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/status +dropped/)]);
    expect(await dlq('root', 'retry', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('is dropped') });
  }

  it('shows bytes that are no message as they came, and leaves nothing to do but to drop them', async () => {
    await put('garbage', Buffer.from('not a message'));
    const { id, code, message } = await letterOf('garbage');
    expect([code, message]).toEqual([
      'invalid_message',
      { raw: expect.objectContaining({ key: 'garbage', value: Buffer.from('not a message').toString('base64') }) },
    ]);
    // It names no tenant: it is the business of who runs the installation.
    expect(await dlq('audrey', 'show', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('not_found') });
    expect(await dlq('root', 'retry', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('not a message') });
    await dropped(id);
  });

  it('names the version of a schema from the future, which it has waited for, and waits again when asked to', async () => {
    const key = newId();
    await put(key, genuine.value ?? Buffer.alloc(0), renamed(key, { ce_schemaversion: '99' }));
    await passTime();
    const { id, code, reason } = await letterOf(key);
    expect([code, reason]).toEqual([
      'unknown_schema_version',
      expect.stringMatching(/after 20 attempts.*version 99; this release knows/),
    ]);
    expect(await dlq('root', 'retry', id)).toMatchObject({ code: 0, stdout: expect.stringMatching(/status +retried/) });
    // As a new reception, for the first has its outcome: it was rejected.
    await passTime();
    const again = await eventually('the letter of the retry', async () => {
      const { items } = await asJson<{ items: DeadLetterView[] }>('list', '--status', 'open');
      return items.find(({ group, code }) => group === 'countersign.enrichment' && code === 'unknown_schema_version');
    });
    expect(again.id).not.toBe(id);
    await dropped(again.id);
  });

  it('names the field of a message of no known type, and of one that is not as its contract says', async () => {
    const [strange, broken] = [newId(), newId()];
    await put(strange, genuine.value ?? Buffer.alloc(0), renamed(strange, { ce_type: 'AlertImagined' }));
    const ofNoType = await letterOf(strange);
    expect(ofNoType).toMatchObject({ code: 'unknown_event_type', field: 'type' });
    await dropped(ofNoType.id);
    await put(broken, Buffer.from('{"receiptId":7}'), renamed(broken));
    const ofNoContract = await letterOf(broken, 'countersign.case');
    expect(ofNoContract).toMatchObject({ field: 'sourceId', reason: expect.any(String) });
    await dropped(ofNoContract.id);
  });

  it('keeps the whole of ten megabytes that a topic let in', async () => {
    await expect(put('large', Buffer.alloc(TEN_MB, 'x'))).rejects.toThrow(/larger than|too large/i);
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = [{ name: 'max.message.bytes', value: String(2 * TEN_MB) }];
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: ALERTS_TOPIC, configEntries }] });
    await admin.disconnect();
    await put('large', Buffer.alloc(TEN_MB, 'x'));
    const { id, message } = await letterOf('large');
    expect(JSON.stringify(message).length).toBeGreaterThan(TEN_MB);
    await dropped(id);
  });

  it('has kept nothing waiting, and the account balances', async () => {
    await deliver(demo, { ...bruteForceAlert() });
    const { total } = await eventually('nothing to be pending', async () => {
      const account = await (await demo.as('audrey')).get<IngestAccount>('/v1/ingest/account');
      return account.total.pending === 0 && account.total.duplicate > 0 && account;
    });
    const { received, ...outcomes } = total;
    expect(Object.values(outcomes).reduce((sum, one) => sum + one, 0)).toBe(received);
  });
});

/** Of the message, or of what was none. */
function keyOf(message: DeadLetterView['message']): unknown {
  const { raw, key } = message;
  return typeof raw === 'object' && raw !== null && 'key' in raw ? raw.key : key;
}
