import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AlertIntake, SourceWithToken } from '#contracts/http/ingest';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { service as caseService } from '#services/case';
import { service as enrichment } from '#services/enrichment';
import { service as ingest } from '#services/ingest';

jest.setTimeout(240_000);

const STORM = 5_000;
const postgres = useMigratedPostgres(ingest, enrichment, caseService);
const running: RunningService[] = [];
let issuer: TestIssuer;
let data: string;

beforeAll(async () => {
  issuer = await startTestIssuer();
  data = await mkdtemp(join(tmpdir(), 'countersign-storm-'));
});
afterAll(async () => {
  await Promise.all(running.map((service) => service.stop()));
  await issuer.stop();
  await rm(data, { recursive: true });
});

async function start(
  service: typeof ingest | typeof enrichment | typeof caseService,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningService> {
  const started = await startService(service, {
    env: {
      COUNTERSIGN_PROFILE: 'development',
      COUNTERSIGN_DATA: data,
      LEDGER_URL: postgres.appUrl,
      [`${service.name.toUpperCase()}_PORT`]: '0',
      OIDC_ISSUER: issuer.url,
      ...settings,
    },
    logger: createLogger('silent'),
  });
  running.push(started);
  return started;
}

async function register(url: string, name: string): Promise<string> {
  const headers = { ...(await issuer.headersFor('root')), 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/sources`, { method: 'POST', headers, body: JSON.stringify({ name }) });
  const { token } = (await answer.json()) as SourceWithToken;
  return token;
}

async function send(url: string, token: string, alerts: readonly object[]): Promise<AlertIntake> {
  const answer = await fetch(`${url}/v1/alerts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
    body: alerts.map((alert) => JSON.stringify(alert)).join('\n'),
  });
  expect(answer.status).toBe(202);
  return (await answer.json()) as AlertIntake;
}

const near = (index: number) => ({
  event_id: `storm-${index}`,
  search_name: 'Malware beacon',
  severity: 'critical',
  dest: 'web1',
});

/** The sources of all alerts that were decided on, in the ledger's order. */
async function decided(): Promise<string[]> {
  const { rows } = await postgres
    .ownerPool()
    .query<{ source: string }>(
      `select data->>'source' as source from ledger.events where category = 'alert' order by tx, position`,
    );
  return rows.map(({ source }) => source);
}

describe('a storm of one source', () => {
  it('delays no alert of another', async () => {
    const { url } = await start(ingest, { INGEST_URGENT_PER_SECOND: '2', INGEST_ORDINARY_PER_SECOND: '20' });
    const [storm, quiet] = [await register(url, 'storm'), await register(url, 'quiet')];
    const flood = Array.from({ length: STORM }, (_, index) => near(index));
    expect(await send(url, storm, flood)).toMatchObject({ accepted: STORM });
    const later = [
      { event_id: 'grave', search_name: 'Domain admin added', severity: 'critical', dest: 'dc1' },
      { event_id: 'mild', search_name: 'Odd login', severity: 'low', dest: 'laptop7' },
    ];
    expect(await send(url, quiet, later)).toMatchObject({ accepted: 2 });

    await Promise.all([start(enrichment), start(caseService)]);
    let order = await decided();
    for (; order.length < STORM + 2; order = await decided()) await wait(200);
    const [grave = Infinity, mild = Infinity] = order.flatMap((source, place) => (source === 'quiet' ? [place] : []));
    // What was sent last is decided on with the first: the most of the storm waits in a lane of its own.
    expect(grave).toBeLessThan(STORM / 2);
    expect(mild).toBeLessThan(STORM / 2);
  });
});
