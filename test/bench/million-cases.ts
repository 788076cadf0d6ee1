import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createPostgresEventStore } from '../../libs/event-store';
import { createLogger, type RunningService, startService, startTestIssuer } from '../../libs/service';
import { service as caseService } from '../../services/case/src/service';
import { type BenchDatabase, onBenchDatabase } from './bench-database';
import { caseIdSql, populate } from './case-population';
import { fillStorm } from './long-stream';
import { type BenchResult, benchResult, numberArgument, printReport, quantile } from './report';

const WARM_UP = 30;
/** Ids that are drawn, to be opened one after the other. */
const DRAWN = 2_000;

/** What somebody does in a console. */
interface Look {
  readonly name: string;
  readonly path: (turn: number) => string;
  readonly times: number;
}

/**
 * Looking at cases over HTTP when there are a million of them, against raw pg that reads one row of the list by its primary
 * key; and opening a case that a storm has brought ten thousand alerts to.
 *
 * @param args `--cases=N`, `--alerts=N` of the long one, `--looks=N`
 */
export async function casesBench(args: readonly string[]): Promise<void> {
  const [cases, alerts] = [numberArgument(args, 'cases', 1_000_000), numberArgument(args, 'alerts', 10_000)];
  const looks = numberArgument(args, 'looks', 1_000);
  await onBenchDatabase([caseService], async (database) => {
    const client = new Client({ connectionString: database.superuserUrl });
    await client.connect();
    await populate(client, cases);
    const storm = await stormCase(database.url, alerts);
    const drawn = Array.from({ length: DRAWN }, () => Math.floor(Math.random() * cases));
    const ids = (await client.query<{ id: string }>(caseIdSql, [drawn])).rows.map(({ id }) => id);
    const raw = await timesOf(looks, (turn) =>
      client.query({
        name: 'one row',
        text: 'select * from svc_case.case_summary where case_id = $1',
        values: [ids[turn % ids.length]],
      }),
    );
    const results: BenchResult[] = [];
    await onService(database, async (get) => {
      // The read models have yet to apply the storm.
      while ((await get<{ alertCount: number }>(`/v1/cases/${storm}`)).alertCount !== alerts);
      while ((await get<{ items: unknown[] }>(`/v1/cases/${storm}/alerts`)).items.length === 0);
      for (const { name, path, times } of looksOf(ids, cases, storm, looks)) {
        const ours = await timesOf(times, (turn) => get(path(turn)));
        for (const share of [0.5, 0.99]) {
          const others = { 'raw-pg': quantile(raw, share) };
          results.push(benchResult(`${name} p${share * 100}`, 'ms', quantile(ours, share), others, 'lower'));
        }
      }
    });
    await client.end();
    printReport('cases', results, args);
  });
}

function looksOf(ids: readonly string[], cases: number, storm: string, times: number): Look[] {
  const list = (name: string, query: (turn: number) => string, often = times): Look => ({
    name,
    path: (turn) => `/v1/cases?${query(turn)}`,
    times: often,
  });
  const middle = cursorOf(ids[0] ?? '', cases / 2);
  return [
    list('list', () => ''),
    list('list, a page in the middle', () => `cursor=${middle}`),
    list('filter status', () => 'status=new&status=in_progress'),
    list('filter severity', () => 'severity=critical'),
    list('filter owner', (turn) => `owner=analyst-${turn % 20}`),
    list('filter owner and status', (turn) => `owner=analyst-${turn % 20}&status=new&severity=critical`),
    list('filter what there is none of', () => 'owner=nobody-of-this-name&status=new'),
    list('text that many have', () => 'q=listed%20address', times / 10),
    list('text that one has', (turn) => `q=ws-${Math.floor(cases / 2) + turn}.corp`, 10),
    { name: 'open', path: (turn) => `/v1/cases/${ids[turn % ids.length]}`, times },
    { name: 'open the long one', path: () => `/v1/cases/${storm}`, times: times / 10 },
    { name: 'alerts of the long one', path: () => `/v1/cases/${storm}/alerts`, times: times / 10 },
  ];
}

/** A page of the list that begins after the case with that number, as the list would say it. */
function cursorOf(id: string, number: number): string {
  const updated = Date.parse('2026-11-24T09:31:00Z') - Math.floor(number) * 20_000;
  return Buffer.from(JSON.stringify([new Date(updated).toISOString(), id]), 'utf8').toString('base64url');
}

async function stormCase(url: string, alerts: number): Promise<string> {
  const store = createPostgresEventStore({ connection: { connectionString: url } });
  const stream = await fillStorm(store, alerts);
  await store.close();
  return stream.slice('case-'.length);
}

type Get = <Body>(path: string) => Promise<Body>;

async function onService({ url }: BenchDatabase, work: (get: Get) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-case-'));
  const issuer = await startTestIssuer();
  const env = {
    ...{ COUNTERSIGN_PROFILE: 'development', COUNTERSIGN_DATA: folder },
    ...{ LEDGER_URL: url, CASE_PORT: '0', OIDC_ISSUER: issuer.url },
  };
  let service: RunningService | undefined;
  try {
    service = await startService(caseService, { env, logger: createLogger('error') });
    const origin = service.url;
    const headers = await issuer.headersFor('arno');
    await work(async (path) => {
      const answer = await fetch(`${origin}${path}`, { headers });
      if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
      return JSON.parse(await answer.text());
    });
  } finally {
    await service?.stop();
    await issuer.stop();
    rmSync(folder, { recursive: true });
  }
}

/** How long each takes, in ms, one after the other. */
async function timesOf(times: number, work: (turn: number) => Promise<unknown>): Promise<number[]> {
  for (let turn = 0; turn < Math.min(WARM_UP, times); turn += 1) await work(turn);
  const took: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const start = performance.now();
    await work(turn);
    took.push(performance.now() - start);
  }
  return took;
}
