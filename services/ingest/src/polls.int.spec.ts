import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AlertReceived, AlertRefused } from '#contracts/alert';
import type { SourceEvent } from '#contracts/events/source';
import type { ConfigurePoll, Source } from '#contracts/http/ingest';
import type { PollKind } from '#contracts/source-poll';
import type { JsonObject } from '#libs/kernel';
import { useIngestService } from './ingest-service.fixture';
import { PolledApis, SECRET } from './polled-apis.fixture';

type PollAdvanced = Extract<SourceEvent, { type: 'PollAdvanced' }>['data'];

const secrets = mkdtempSync(join(tmpdir(), 'countersign-secrets-'));
const ingest = useIngestService({ COUNTERSIGN_SECRETS_DIR: secrets });
const polled: string[] = [];
let apis: PolledApis;

beforeEach(async () => {
  writeFileSync(join(secrets, 'product@1'), `${SECRET}\n`);
  apis = await PolledApis.start();
});
afterEach(async () => {
  // Who is polled no more has no part in the tests that follow.
  for (const id of polled.splice(0)) await ingest().asRoot('DELETE', `/v1/sources/${id}/poll`);
  await apis.stop();
});
afterAll(() => rmSync(secrets, { recursive: true }));

const KINDS: PollKind[] = [
  'microsoft-sentinel-incidents',
  'microsoft-defender-incidents',
  'microsoft-defender-alerts',
  'crowdstrike-alerts',
  'aws-guardduty-findings',
];

const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);

/** Registers a source of a new name and has it polled from here. */
async function poll(name: string, kind: PollKind, changes: Partial<ConfigurePoll> = {}): Promise<PolledSource> {
  const { source } = await ingest().register(name);
  polled.push(source.id);
  const asked = apis.poll(kind, { from: ago(600).toISOString(), ...changes });
  const { status, body } = await ingest().asRoot('PUT', `/v1/sources/${name}/poll`, asked as unknown as JsonObject);
  expect([status, body['detail']]).toEqual([200, undefined]);
  return new PolledSource(source.id);
}

class PolledSource {
  constructor(readonly id: string) {}

  async status() {
    const { body } = await ingest().asRoot('GET', `/v1/sources/${this.id}`);
    const { poll: asPolled } = body as unknown as Source;
    if (asPolled === null) throw new Error('it is not polled');
    return asPolled.status;
  }

  async received(): Promise<(AlertReceived | AlertRefused)[]> {
    const messages = await ingest().published(this.id);
    return messages.map(({ data }) => data as unknown as AlertReceived | AlertRefused);
  }

  async titles(): Promise<(string | undefined)[]> {
    const received = await this.received();
    return received.map((alert) => ('finding' in alert ? alert.finding.finding_info.title : undefined));
  }

  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 1_500; tries += 1) {
      if (await isSo()) return;
      await wait(20);
    }
    throw new Error(`${what}: ${JSON.stringify([await this.status(), await this.titles()])}`);
  }

  receives(count: number): Promise<void> {
    return this.until(`${count} received`, async () => (await this.received()).length >= count);
  }

  fails(reason: string): Promise<void> {
    return this.until(`fails by ${reason}`, async () => (await this.status()).lastFailure?.reason === reason);
  }

  /** A whole poll, begun and ended after this call. */
  async polledAgain(): Promise<void> {
    for (let polls = 0; polls < 2; polls += 1) {
      const { lastSuccessAt: before } = await this.status();
      await this.until('polled again', async () => (await this.status()).lastSuccessAt !== before);
    }
  }

  async advances(): Promise<PollAdvanced[]> {
    const events = await ingest().service.context.store.readStream('source', `source-${this.id}`);
    return events.filter(({ type }) => type === 'PollAdvanced').map(({ data }) => data as unknown as PollAdvanced);
  }
}

describe.each(KINDS)('%s', (kind) => {
  it('is taken page by page, once, with what changes and what is indexed late', async () => {
    for (let index = 0; index < 5; index += 1) apis.hold(`${kind}-${index}`, ago(300 - index));
    const source = await poll(`paged-${kind}`, kind);
    await source.receives(5);
    const first = await source.received();
    expect(first.every((alert) => 'finding' in alert)).toBe(true);
    await source.polledAgain();
    expect(await source.received()).toHaveLength(5);

    const [changed] = apis.alerts;
    if (changed === undefined) throw new Error('nothing is held');
    Object.assign(changed, { modifiedAt: new Date().toISOString(), title: 'Changed' });
    // Older than the watermark by now, and not there when it moved.
    apis.hold(`${kind}-late`, ago(120), { title: 'Late' });
    await source.receives(7);
    await source.polledAgain();
    const all = await source.received();
    expect(all).toHaveLength(7);
    expect((await source.titles()).slice(5).sort()).toEqual(['Changed', 'Late']);
    const ids = all.map((alert) => ('alertId' in alert ? alert.alertId : ''));
    expect(new Set(ids).size).toBe(6);
    expect(await source.status()).toMatchObject({ failures: 0, lastFailure: null });
  });

  it('refuses an alert that cannot be read by name, and takes those beside it', async () => {
    apis.hold(`${kind}-a`, ago(300));
    apis.hold(`${kind}-broken`, ago(200), { broken: '{"id": "x", "severity": }' });
    apis.hold(`${kind}-b`, ago(100));
    const source = await poll(`broken-${kind}`, kind, { pageSize: 10 });
    await source.receives(3);
    await source.polledAgain();
    const received = await source.received();
    expect(received.filter((alert) => 'finding' in alert)).toHaveLength(2);
    expect(received.filter((alert) => 'code' in alert)).toMatchObject([
      { code: 'invalid_json', original: { body: '{"id": "x", "severity": }' } },
    ]);
  });
});

describe('the cursor of a source', () => {
  it('is an event for what was found, and none for polls that find nothing', async () => {
    apis.hold('one', ago(300));
    apis.hold('two', ago(200));
    apis.hold('three', ago(100));
    const source = await poll('cursor', 'crowdstrike-alerts');
    await source.receives(3);
    await source.polledAgain();
    await source.polledAgain();
    const advances = await source.advances();
    expect(advances.flatMap(({ seen }) => seen)).toHaveLength(3);
    expect(advances.length).toBeLessThanOrEqual(3);
    const { lagSeconds, watermark } = await source.status();
    expect(lagSeconds).toBeLessThan(60);
    expect(Date.parse(watermark)).toBeLessThanOrEqual(Date.now());
  });

  it('lets nothing be missed when a clock of the API has run ahead', async () => {
    const { now } = apis;
    apis.now = () => new Date(Date.now() + 86_400_000);
    apis.hold('before', ago(100));
    const source = await poll('clock', 'microsoft-sentinel-incidents');
    await source.receives(1);
    await source.polledAgain();
    apis.now = now;
    apis.hold('after', new Date());
    await source.receives(2);
  });

  it('goes on from where it was when the polling is stopped and begun again, and from where it is told', async () => {
    apis.hold('one', ago(100));
    const source = await poll('stopped', 'crowdstrike-alerts');
    await source.receives(1);
    const { status, body } = await ingest().asRoot('DELETE', '/v1/sources/stopped/poll');
    expect([status, body['poll']]).toEqual([200, null]);
    apis.hold('two', new Date());
    const asked = apis.poll('crowdstrike-alerts', { intervalSeconds: 2 });
    await ingest().asRoot('PUT', '/v1/sources/stopped/poll', asked as unknown as JsonObject);
    await source.receives(2);
    expect(await source.titles()).toEqual(['Finding one', 'Finding two']);
    const again = { ...asked, from: ago(600).toISOString() };
    await ingest().asRoot('PUT', '/v1/sources/stopped/poll', again as unknown as JsonObject);
    await source.receives(4);
    await source.polledAgain();
    expect(await source.received()).toHaveLength(4);
  });

  it('stands still while the source may send no more, and nothing is lost', async () => {
    const { source } = await ingest().register('limited');
    await ingest().asRoot('PATCH', '/v1/sources/limited', { alertsPerSecond: 2 });
    for (let index = 0; index < 9; index += 1) apis.hold(`many-${index}`, ago(300 - index));
    const asked = apis.poll('crowdstrike-alerts', { from: ago(600).toISOString(), pageSize: 3 });
    await ingest().asRoot('PUT', '/v1/sources/limited/poll', asked as unknown as JsonObject);
    polled.push(source.id);
    const limited = new PolledSource(source.id);
    await limited.receives(9);
    expect(new Set(await limited.titles()).size).toBe(9);
  });
});

describe('an API that does not answer as it should', () => {
  it('is waited for when it says so, within a poll', async () => {
    apis.hold('one', ago(300));
    let refused = 0;
    apis.instead = ({ path }) => {
      if (!path.startsWith('/v1.0') || refused === 2) return undefined;
      refused += 1;
      return { status: refused === 1 ? 429 : 503, headers: { 'retry-after': '1' }, body: '' };
    };
    const source = await poll('busy', 'microsoft-defender-alerts');
    await source.receives(1);
    expect(await source.status()).toMatchObject({ failures: 0, lastFailure: null });
  });

  it('is left alone for as long as it says, and named as throttling', async () => {
    apis.instead = ({ path }) =>
      path.startsWith('/v1.0') ? { status: 429, headers: { 'retry-after': '3600' }, body: '' } : undefined;
    const source = await poll('throttling', 'microsoft-defender-alerts');
    await source.fails('throttled');
    const asked = apis.asked.length;
    await wait(1_500);
    expect(apis.asked).toHaveLength(asked);
  });

  it('gets a new token when the present one has expired', async () => {
    apis.hold('one', ago(300));
    const source = await poll('expired', 'crowdstrike-alerts');
    await source.receives(1);
    await source.polledAgain();
    apis.expireTokens();
    apis.hold('two', new Date());
    await source.receives(2);
    expect(await source.status()).toMatchObject({ failures: 0, lastFailure: null });
    expect(apis.asked.filter(({ path }) => path === '/oauth2/token')).toHaveLength(2);
  });

  it.each(KINDS)('is named when %s refuses the credentials, and polled again once they are right', async (kind) => {
    writeFileSync(join(secrets, 'product@1'), 'not-the-secret\n');
    apis.hold('one', ago(300));
    const source = await poll(`credentials-${kind}`, kind);
    await source.fails('credentials_refused');
    const { lastFailure } = await source.status();
    expect(lastFailure?.detail).not.toContain('not-the-secret');
    const metrics = await (await fetch(`${ingest().service.url}/metrics`)).text();
    expect(metrics).toMatch(
      new RegExp(`countersign_poll_failures_total{source="credentials-${kind}",reason="credentials_refused".*} [1-9]`),
    );
    expect(metrics).toMatch(new RegExp(`countersign_poll_lag_seconds{source="credentials-${kind}".*} [1-9]`));
    writeFileSync(join(secrets, 'product@1'), SECRET);
    await source.receives(1);
    await source.until('a success', async () => (await source.status()).failures === 0);
  });

  it('is named when a secret is not there', async () => {
    rmSync(join(secrets, 'product@1'));
    const source = await poll('no-secret', 'crowdstrike-alerts');
    await source.fails('secret_unresolved');
  });

  it('leads nowhere else by a redirect or by a link', async () => {
    apis.instead = ({ path }) =>
      path.startsWith('/v1.0') ? { status: 302, headers: { location: `${apis.url}/elsewhere` }, body: '' } : undefined;
    const redirected = await poll('redirected', 'microsoft-defender-alerts');
    await redirected.fails('egress_refused');
    const other = await PolledApis.start();
    apis.instead = ({ path }) =>
      path.startsWith('/v1.0')
        ? { status: 200, body: { value: [], '@odata.nextLink': `${other.url}/v1.0/security/alerts_v2` } }
        : undefined;
    const linked = await poll('linked', 'microsoft-defender-alerts', {
      allowedHosts: [`127.0.0.1:${apis.port}`, `127.0.0.1:${other.port}`],
    });
    await linked.fails('egress_refused');
    expect(apis.asked.filter(({ path }) => path === '/elsewhere')).toEqual([]);
    expect(other.asked).toEqual([]);
    await other.stop();
  });

  it('is not reached at a private address that is not listed', async () => {
    const baseUrl = `http://localhost:${apis.port}`;
    const { settings } = apis.poll('crowdstrike-alerts');
    const changes = { settings: { ...settings, baseUrl }, allowedHosts: ['localhost'] };
    const source = await poll('private', 'crowdstrike-alerts', changes);
    await source.fails('egress_refused');
    expect(apis.asked).toEqual([]);
    apis.hold('one', ago(100));
    const listed = await poll('private-listed', 'crowdstrike-alerts', {
      ...{ settings: changes.settings, allowedHosts: ['localhost', '127.0.0.0/8', '::1'] },
    });
    await listed.receives(1);
  });

  it('is asked again while its answer cannot be read at all, and the cursor stands', async () => {
    apis.instead = ({ path }) => (path.startsWith('/v1.0') ? { status: 200, body: '{"value":[{]' } : undefined);
    const source = await poll('unreadable', 'microsoft-defender-alerts');
    await source.fails('answer_unreadable');
    apis.instead = () => undefined;
    apis.hold('one', ago(300));
    await source.receives(1);
  });
});

describe('the configuration of a poll', () => {
  const asked = (changes: Partial<ConfigurePoll>) => apis.poll('crowdstrike-alerts', changes) as unknown as JsonObject;
  const settings = (more: Record<string, string>) => ({ ...apis.poll('crowdstrike-alerts').settings, ...more });

  beforeAll(() => ingest().register('configured'));

  it.each<[string, () => Partial<ConfigurePoll>, string]>([
    ['a credential written out', () => ({ settings: settings({ clientSecret: SECRET }) }), 'settings.clientSecret'],
    ['a setting that is none', () => ({ settings: settings({ region: 'eu' }) }), 'settings.region'],
    ['a host that is not listed', () => ({ allowedHosts: ['api.crowdstrike.com'] }), 'allowedHosts'],
    ['a place of its own without a list', () => ({ allowedHosts: undefined }), 'allowedHosts'],
    [
      'a URL with a credential',
      () => ({ settings: settings({ baseUrl: 'http://u:p@127.0.0.1' }) }),
      'settings.baseUrl',
    ],
    ['a page larger than the API gives', () => ({ kind: 'aws-guardduty-findings', ...guardduty() }), 'pageSize'],
  ])('refuses %s', async (_what, changes, field) => {
    const { status, body } = await ingest().asRoot('PUT', '/v1/sources/configured/poll', asked(changes()));
    expect([status, body['field']]).toEqual([400, field]);
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  const guardduty = () => ({ settings: apis.poll('aws-guardduty-findings').settings, pageSize: 51 });

  it('has the defaults of its kind, and reaches its public hosts alone', async () => {
    const body = { kind: 'microsoft-sentinel-incidents', settings: sentinelSettings };
    const answer = await ingest().asRoot('PUT', '/v1/sources/configured/poll', body);
    expect(answer.body['poll']).toMatchObject({
      ...{ intervalSeconds: 60, lookBackSeconds: 900, pageSize: 100, timeoutSeconds: 30 },
      allowedHosts: ['management.azure.com', 'login.microsoftonline.com'],
    });
    await ingest().asRoot('DELETE', '/v1/sources/configured/poll');
  });

  const sentinelSettings = {
    ...{ tenantId: 't', clientId: 'c', clientSecret: 'secret://sentinel' },
    ...{ subscriptionId: 's', resourceGroup: 'r', workspace: 'w' },
  };

  it('puts no secret in an event', async () => {
    apis.hold('one', ago(100));
    const source = await poll('secretive', 'crowdstrike-alerts');
    await source.receives(1);
    const events = await ingest().service.context.store.readStream('source', `source-${source.id}`);
    expect(JSON.stringify(events)).toContain('secret://product@1');
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });
});
