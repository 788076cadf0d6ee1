import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AlertReceived, AlertRefused } from '#contracts/alert';
import type { Dataset, DatasetLookup } from '#contracts/http/enrichment';
import { ALERTS_TOPIC, createBus, ENRICHED_ALERTS_TOPIC, messageSource, type Bus, type BusMessage } from '#libs/bus';
import { createPostgresEventStore } from '#libs/event-store';
import { newId, type JsonObject } from '#libs/kernel';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { service as enrichment } from './service';

const postgres = useMigratedPostgres(enrichment);
const folder = mkdtempSync(join(tmpdir(), 'countersign-datasets-'));
let issuer: TestIssuer;
let service: RunningService;
let ingest: Bus;

beforeAll(async () => {
  cpSync(join(__dirname, '../datasets'), folder, { recursive: true });
  issuer = await startTestIssuer();
  service = await start();
  const pool = postgres.pool('ingest');
  ingest = createBus({
    kind: 'postgres',
    service: 'ingest',
    store: createPostgresEventStore({ pool }),
    pool,
    logger: createLogger('silent'),
  });
});
afterAll(async () => {
  await ingest.stop();
  await service.stop();
  await issuer.stop();
  rmSync(folder, { recursive: true });
});

const start = () =>
  startService(enrichment, {
    env: {
      COUNTERSIGN_PROFILE: 'development',
      LEDGER_URL: postgres.appUrl,
      ENRICHMENT_PORT: '0',
      OIDC_ISSUER: issuer.url,
      COUNTERSIGN_DATASETS_DIR: folder,
      DATASETS_POLL_MS: '50',
    },
    logger: createLogger('silent'),
  });

async function get<Body>(path: string): Promise<Body> {
  const answer = await fetch(`${service.url}${path}`, { headers: await issuer.headersFor('arno') });
  expect(answer.status).toBe(200);
  const body: Body = JSON.parse(await answer.text());
  return body;
}

async function datasets(isThere: (items: Dataset[]) => boolean): Promise<Dataset[]> {
  for (;;) {
    const { items } = await get<{ items: Dataset[] }>('/v1/datasets');
    if (isThere(items)) return items;
    await wait(20);
  }
}

const reception = (receiptId: string) => ({
  receiptId,
  sourceId: newId(),
  source: 'siem',
  receivedAt: new Date().toISOString(),
  original: { encoding: 'utf-8' as const, body: '{"text":"c2.update-check[.]example[.]net"}', size: 42 },
});

function messageOf(type: string, key: string, data: AlertReceived | AlertRefused): BusMessage {
  return {
    topic: ALERTS_TOPIC,
    key,
    id: data.receiptId,
    type,
    source: messageSource('ingest'),
    time: data.receivedAt,
    tenant: 'default',
    schemaVersion: 1,
    actor: { kind: 'source', id: data.sourceId },
    correlationId: data.receiptId,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    data: data as unknown as JsonObject,
  };
}

async function enriched(receiptId: string): Promise<BusMessage[]> {
  for (;;) {
    const { rows } = await postgres
      .ownerPool()
      .query<{ message: BusMessage }>('select message from bus.log where id = $1 and topic = $2', [
        receiptId,
        ENRICHED_ALERTS_TOPIC,
      ]);
    if (rows.length > 0) return rows.map(({ message }) => service.context.personal.openMessage(message));
    await wait(20);
  }
}

describe('the reaction to alerts', () => {
  it('publishes the alert with its observables and verdicts, keyed by the alert', async () => {
    const alertId = newId();
    const alert: AlertReceived = {
      ...reception(newId()),
      alertId,
      format: 'ocsf',
      digest: 'a'.repeat(64),
      attack: ['T1110'],
      finding: {
        activity_id: 1,
        category_uid: 2,
        class_uid: 2004,
        type_uid: 200401,
        time: 1_795_528_800_000,
        severity_id: 4,
        metadata: { version: '1.8.0', product: { name: 'Test' } },
        finding_info: { uid: 'u' },
        ...{ evidences: [{ src_endpoint: { ip: '203.0.113.66' }, dst_endpoint: { ip: '10.0.0.8' } }] },
      },
    };
    await ingest.publisher.publish([messageOf('AlertReceived', alertId, alert)]);
    const [message] = await enriched(alert.receiptId);
    expect(message).toMatchObject({
      type: 'AlertEnriched',
      key: alertId,
      causationId: alert.receiptId,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      data: { verdict: 'malicious', score: 95, attack: ['T1110'] },
    });
    expect(message?.data.observables).toMatchObject([
      { value: '203.0.113.66', verdict: 'malicious', lists: ['known-bad.csv'] },
      { value: '10.0.0.8', verdict: 'benign', lists: ['warninglists/private-ranges/list.json'] },
      { value: 'c2.update-check.example.net', verdict: 'malicious', name: 'original.text' },
    ]);
  });

  it('passes rejections on', async () => {
    const refused: AlertRefused = { ...reception(newId()), code: 'invalid_json', field: null, reason: 'It is empty.' };
    await ingest.publisher.publish([messageOf('AlertRefused', refused.receiptId, refused)]);
    const [message] = await enriched(refused.receiptId);
    expect(message).toMatchObject({ type: 'AlertRefused', key: refused.receiptId, data: { code: 'invalid_json' } });
  });
});

describe('the data sets', () => {
  it('are listed, and asked about one value', async () => {
    const items = await datasets((all) => all.length === 4);
    expect(items.map(({ name, status, kind }) => [name, status, kind])).toEqual([
      ['known-bad.csv', 'loaded', 'verdicts'],
      ['warninglists/company-services/list.json', 'loaded', 'warninglist'],
      ['warninglists/empty-hashes/list.json', 'loaded', 'warninglist'],
      ['warninglists/private-ranges/list.json', 'loaded', 'warninglist'],
    ]);
    const found = await get<DatasetLookup>('/v1/datasets/lookup?value=www.login-verify[.]example[.]org');
    expect(found).toMatchObject({
      value: 'www.login-verify.example.org',
      type: 'domain',
      verdict: 'malicious',
      matches: [{ list: 'known-bad.csv', entry: '*.login-verify.example.org' }],
    });
  });

  it('are read again when they change; a file that is wrong leaves its earlier version in use', async () => {
    const file = join(folder, 'more.csv');
    const lookup = () => get<DatasetLookup>('/v1/datasets/lookup?value=192.0.2.200');
    const status = (name: string, expected: string) => (items: Dataset[]) =>
      items.some((item) => item.name === name && item.status === expected);
    writeFileSync(file, 'indicator,verdict\n192.0.2.200,malicious\n');
    await datasets(status('more.csv', 'loaded'));
    expect((await lookup()).verdict).toBe('malicious');
    writeFileSync(file, 'indicator,verdict\n192.0.2.200,dreadful\n');
    const [refused] = (await datasets(status('more.csv', 'refused'))).filter(({ name }) => name === 'more.csv');
    expect(refused?.reason).toMatch(/line 2: verdict.*dreadful/);
    expect((await lookup()).verdict).toBe('malicious');
    rmSync(file);
    await datasets((items) => items.every(({ name }) => name !== 'more.csv'));
    expect((await lookup()).verdict).toBe('unknown');
  });

  it('are recorded once, however often the service starts', async () => {
    const count = async () => {
      const { rows } = await postgres
        .ownerPool()
        .query(`select count(*)::int from ledger.events where category = 'dataset'`);
      return rows[0].count;
    };
    const before = await count();
    await service.stop();
    service = await start();
    await datasets((items) => items.length === 4);
    expect(await count()).toBe(before);
  });

  it('are asked for by name when they are not there', async () => {
    const env = {
      COUNTERSIGN_PROFILE: 'development',
      LEDGER_URL: postgres.appUrl,
      ENRICHMENT_PORT: '0',
      OIDC_ISSUER: issuer.url,
      COUNTERSIGN_DATASETS_DIR: join(folder, 'nowhere'),
    };
    await expect(startService(enrichment, { env, logger: createLogger('silent') })).rejects.toMatchObject({
      code: 'invalid_configuration',
      field: 'COUNTERSIGN_DATASETS_DIR',
    });
  });
});
