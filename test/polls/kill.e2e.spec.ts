import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { AccountCounts, IngestAccount, Source, SourceWithToken } from '#contracts/http/ingest';
import { createLogger, type RunningService, startService, startTestIssuer, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { service as caseService } from '#services/case';
import { service as enrichment } from '#services/enrichment';
import { service as ingest } from '#services/ingest';
import { PolledApis, SECRET } from '../../services/ingest/src/polled-apis.fixture';
import { eventually } from '../e2e/eventually';
import { PATIENCE_MS } from '../e2e/running-demo';
import { IngestProcess } from './ingest-process';

jest.setTimeout(2 * PATIENCE_MS);

const postgres = useMigratedPostgres(ingest, enrichment, caseService);
const processes: IngestProcess[] = [];
let folder: string;
let issuer: TestIssuer;
let others: RunningService[];
let apis: PolledApis;
let environment: Record<string, string>;
let sourceId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-polls-'));
  await mkdir(join(folder, 'secrets'));
  await writeFile(join(folder, 'secrets', 'product@1'), SECRET);
  issuer = await startTestIssuer();
  apis = await PolledApis.start();
  environment = {
    ...{ COUNTERSIGN_PROFILE: 'development', COUNTERSIGN_DATA: folder, LEDGER_URL: postgres.appUrl },
    ...{ OIDC_ISSUER: issuer.url, ENRICHMENT_PORT: '0', CASE_PORT: '0', INGEST_POLL_LEASE_MS: '1500' },
  };
  const options = { env: environment, logger: createLogger('silent') };
  others = [await startService(caseService, options), await startService(enrichment, options)];
});
afterAll(async () => {
  await Promise.all(processes.map((process) => process.kill()));
  await Promise.all(others.map((service) => service.stop()));
  await apis.stop();
  await issuer.stop();
  await rm(folder, { recursive: true });
});

async function startIngest(): Promise<IngestProcess> {
  const started = await IngestProcess.start(environment);
  processes.push(started);
  return started;
}

async function asRoot<Body>(process: IngestProcess, method: string, path: string, body?: object): Promise<Body> {
  const headers = { ...(await issuer.headersFor('root')), 'content-type': 'application/json' };
  const answer = await fetch(`${process.url}${path}`, {
    ...{ method, headers: body ? headers : { authorization: headers.authorization } },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  const parsed: Body = JSON.parse(text);
  return parsed;
}

/** The account of the source, which has to balance whenever it is looked at. */
async function account(process: IngestProcess): Promise<AccountCounts> {
  const { sources } = await asRoot<IngestAccount>(process, 'GET', '/v1/ingest/account');
  const { source: _, sourceId: __, received, ...rest } = sources.find((one) => one.sourceId === sourceId) ?? nothing;
  expect(Object.values(rest).reduce((sum, count) => sum + count, 0)).toBe(received);
  return { received, ...rest };
}

const nothing = {
  ...{ sourceId: '', source: '', received: 0, new: 0, updated: 0, duplicate: 0 },
  ...{ grouped: 0, suppressed: 0, rejected: 0, pending: 0 },
};

/** Once so many were received, and all of them are decided. */
const settled = (process: IngestProcess, received: number) =>
  eventually(`${received} to be received and decided`, async () => {
    const counts = await account(process);
    return counts.received >= received && counts.pending === 0 && counts;
  });

async function published(): Promise<number> {
  const { rows } = await postgres.ownerPool().query<{ count: number }>(
    `select count(*)::integer as count from bus.log
       where message ->> 'type' = 'AlertReceived' and message -> 'data' ->> 'sourceId' = $1`,
    [sourceId],
  );
  return rows[0]?.count ?? 0;
}

const seconds = (ago: number) => new Date(Date.now() - ago * 1_000);

/** Lets nothing be appended to the sources' streams, until it is released. */
async function holdCursor(): Promise<{ blocked(): Promise<number[]>; release(): Promise<void> }> {
  const client = new Client({ connectionString: postgres.superuserUrl });
  await client.connect();
  await client.query('set idle_in_transaction_session_timeout = 0');
  await client.query('begin');
  await client.query('lock table ledger.events_source in share row exclusive mode');
  return {
    blocked: async () => {
      const { rows } = await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.map(({ pid }) => pid);
    },
    release: async () => {
      await client.query('rollback');
      await client.end();
    },
  };
}

describe('a poll whose process ends', () => {
  let first: IngestProcess;
  let second: IngestProcess;

  it('between the bus and the cursor is taken over: nothing is missed, and what comes twice is a duplicate', async () => {
    first = await startIngest();
    const { source } = await asRoot<SourceWithToken>(first, 'POST', '/v1/sources', { name: 'falcon' });
    sourceId = source.id;
    const asked = apis.poll('crowdstrike-alerts', { from: seconds(600).toISOString(), pageSize: 100 });
    await asRoot(first, 'PUT', '/v1/sources/falcon/poll', asked);
    await eventually('a first poll', async () => {
      const { poll } = await asRoot<Source>(first, 'GET', '/v1/sources/falcon');
      return poll?.status.lastSuccessAt !== null;
    });

    const cursor = await holdCursor();
    for (let index = 0; index < 6; index += 1) apis.hold(`a${index}`, seconds(100 - index));
    const pids = await eventually('the cursor to be held', async () => {
      const blocked = await cursor.blocked();
      return (await published()) === 6 && blocked.length > 0 && blocked;
    });
    second = await startIngest();
    await first.kill();
    // What it had sent to the database has not been done, either.
    await terminate(pids);
    await cursor.release();

    const counts = await settled(second, 12);
    expect(counts).toMatchObject({ received: 12, duplicate: 6, updated: 0, rejected: 0 });
    expect(counts.new + counts.grouped).toBe(6);
  });

  it('goes on from there, with what is new, changed and late', async () => {
    Object.assign(apis.alerts[0] ?? {}, { title: 'Changed', modifiedAt: new Date().toISOString() });
    apis.hold('new', new Date());
    apis.hold('late', seconds(300));
    const counts = await settled(second, 15);
    expect(counts).toMatchObject({ received: 15, duplicate: 6, updated: 1 });
    expect(counts.new + counts.grouped).toBe(8);
  });

  it('is taken over while it is paused, and does no harm when it goes on', async () => {
    const third = await startIngest();
    second.signal('SIGSTOP');
    apis.hold('while-paused', new Date());
    // What a paused process reads from the embedded bus waits for it, the account too: only the poll is taken over.
    await eventually('the poll to be taken over', async () => (await published()) === 16);
    second.signal('SIGCONT');
    apis.hold('after', new Date());
    const counts = await settled(third, 17);
    expect(counts.new + counts.grouped).toBe(10);
    expect(counts.received - counts.duplicate).toBe(11);
    // One at a time, whichever it is: the other has nothing of it.
    expect(counts.duplicate).toBe(6);
    const { poll } = await asRoot<Source>(third, 'GET', '/v1/sources/falcon');
    expect(poll?.status.failures).toBe(0);
  });
});

async function terminate(pids: readonly number[]): Promise<void> {
  const client = new Client({ connectionString: postgres.superuserUrl });
  await client.connect();
  await client.query('select pg_terminate_backend(pid) from unnest($1::integer[]) as pid', [pids]);
  await client.end();
}
