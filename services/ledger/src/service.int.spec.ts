import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { AuditReport } from '#contracts/audit';
import { serviceActor } from '#contracts/envelope';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { EventView } from '#contracts/http/case';
import type { AuditKeys, DeadLetterView, Story } from '#contracts/http/ledger';
import { verifyExport } from '#libs/audit';
import { createPostgresEventStore, eventHash, type EventStore, NO_STREAM, toNewEvents } from '#libs/event-store';
import { deterministicId, newId } from '#libs/kernel';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { createKeyMaterial, publicKeyOf } from '#libs/warrant';
import { service as ledgerService } from './service';

const postgres = useMigratedPostgres(ledgerService);
const folder = mkdtempSync(join(tmpdir(), 'countersign-ledger-'));
let issuer: TestIssuer;
let service: RunningService;
let cases: EventStore;

const start = (more: Record<string, string> = {}): Promise<RunningService> =>
  startService(ledgerService, {
    env: {
      COUNTERSIGN_PROFILE: 'development',
      COUNTERSIGN_DATA: folder,
      LEDGER_URL: postgres.appUrl,
      LEDGER_PORT: '0',
      OIDC_ISSUER: issuer.url,
      // Only those that a test asks for, unless it says otherwise.
      LEDGER_CHECKPOINT_SECONDS: '3600',
      LEDGER_CHECKPOINT_IDLE_MS: '3600000',
      ...more,
    },
    logger: createLogger('silent'),
  });

beforeAll(async () => {
  await createKeyMaterial(join(folder, 'keys'), new Date());
  issuer = await startTestIssuer();
  cases = createPostgresEventStore({ pool: postgres.pool('case') });
  service = await start();
});
afterAll(async () => {
  await service?.stop();
  await cases?.close();
  await issuer?.stop();
  rmSync(folder, { recursive: true });
});

interface Answer<Body> {
  readonly status: number;
  readonly body: Body & { code?: string; field?: string };
}
async function call<Body>(method: string, path: string, subject = 'audrey', headers = {}): Promise<Answer<Body>> {
  const answer = await fetch(`${service.url}${path}`, {
    method,
    headers: { ...(await issuer.headersFor(subject)), ...headers },
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}
const get = <Body>(path: string, subject?: string) => call<Body>('GET', path, subject);
const verify = async () => (await get<AuditReport>('/v1/audit/verify')).body;
const sign = async () => (await call<CheckpointSigned>('POST', '/v1/audit/checkpoints')).body;

async function note(stream: string, text: string, tenant = 'default'): Promise<void> {
  const head = (await cases.heads('case', [stream])).get(stream) ?? NO_STREAM;
  const data = { caseId: deterministicId(stream), noteId: newId(), text };
  const envelope = {
    category: 'case',
    stream,
    actor: { kind: 'human', id: 'arno' },
    meta: { correlationId: 'test' },
    time: new Date(),
  } as const;
  const events = toNewEvents([{ type: 'CaseNoteAdded', data }], envelope);
  await cases.append([{ category: 'case', stream, tenant, expected: head, events }]);
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const until = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error('it did not happen within 20 s');
    await wait(50);
  }
}

/** Somebody with all rights on the database: past grants, row security and triggers, and back afterwards. */
async function asSuperuser(change: string, values: unknown[] = []): Promise<void> {
  const client = new Client({ connectionString: postgres.superuserUrl });
  await client.connect();
  try {
    await client.query(`set session_replication_role = replica`);
    await client.query(change, values);
  } finally {
    await client.end();
  }
}

/** Changes the table, verifies, and puts everything back as it was. */
async function tampered(...changes: readonly (readonly [sql: string, values?: unknown[]])[]): Promise<AuditReport> {
  await asSuperuser('create table public.kept as select * from ledger.events');
  try {
    for (const [sql, values] of changes) await asSuperuser(sql, values);
    return await verify();
  } finally {
    await restore();
  }
}
async function restore(): Promise<void> {
  await asSuperuser(
    `delete from ledger.events; insert into ledger.events overriding system value select * from public.kept`,
  );
  await asSuperuser('drop table public.kept');
}
const kinds = ({ chains, problems }: AuditReport): string[] => [
  ...(chains === 'ok' ? [] : chains.map(({ kind }) => kind)),
  ...problems.map(({ kind }) => kind),
];

describe('a checkpoint', () => {
  it('covers everything that was recorded when it was asked for', async () => {
    await note('case-a', 'one');
    await note('case-a', 'two');
    await note('case-b', 'three', 'other');
    const checkpoint = await sign();
    expect(await verify()).toMatchObject({
      verified: true,
      chains: 'ok',
      problems: [],
      events: checkpoint.size + 1,
      coveredEvents: checkpoint.size,
      uncoveredEvents: 0,
      lastCheckpoint: checkpoint,
    });
  });

  it('is not signed again over nothing new', async () => {
    expect(await sign()).toEqual(await sign());
  });

  it('waits for transactions that are still open', async () => {
    const client = new Client({ connectionString: postgres.superuserUrl });
    await client.connect();
    await client.query('begin; select pg_current_xact_id()');
    await note('case-a', 'behind an open transaction');
    const signing = sign();
    await client.query('commit');
    await client.end();
    await signing;
    expect(await verify()).toMatchObject({ verified: true, uncoveredEvents: 0 });
  });

  it('is signed by itself when nothing has happened for a while, and at the end', async () => {
    const second = await start({ LEDGER_CHECKPOINT_IDLE_MS: '200' });
    await note('case-a', 'then nothing');
    const report = await eventually(async () => {
      const now = await verify();
      return now.verified ? now : undefined;
    });
    expect(report.problems).toEqual([]);
    await second.stop();
    const third = await start();
    await note('case-a', 'just before the end');
    expect(await verify()).toMatchObject({ verified: false, problemCount: 0, uncoveredEvents: 1 });
    await third.stop();
    expect(await verify()).toMatchObject({ verified: true });
  });

  it('goes on from a dropped tree', async () => {
    await asSuperuser('delete from svc_ledger.tree_state');
    const again = await start();
    await note('case-a', 'after the tree was dropped');
    const headers = await issuer.headersFor('audrey');
    await fetch(`${again.url}/v1/audit/checkpoints`, { method: 'POST', headers });
    await again.stop();
    expect(await verify()).toMatchObject({ verified: true });
  });

  it('is signed by one of several that try at the same time', async () => {
    const others = await Promise.all([start(), start()]);
    await note('case-a', 'for all of them');
    const headers = await issuer.headersFor('audrey');
    const urls = [service, ...others].map(({ url }) => `${url}/v1/audit/checkpoints`);
    const answers = await Promise.all(urls.map((url) => fetch(url, { method: 'POST', headers })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await Promise.all(others.map((other) => other.stop()));
    expect(await verify()).toMatchObject({ verified: true, problems: [] });
  });

  it('is listed, with the keys to check it by', async () => {
    const { body } = await get<{ items: CheckpointSigned[]; next?: string }>('/v1/audit/checkpoints?limit=1');
    expect(body.items).toEqual([(await verify()).lastCheckpoint]);
    const earlier = await get<{ items: CheckpointSigned[] }>(`/v1/audit/checkpoints?limit=1&cursor=${body.next}`);
    expect(earlier.body.items[0]?.sequence).toBe((body.items[0]?.sequence ?? 0) - 1);
    const keys = await fetch(`${service.url}/v1/audit/keys`);
    expect(await keys.json()).toMatchObject({ keys: [{ keyId: body.items[0]?.keyId, purpose: 'checkpoint' }] });
  });
});

describe('whoever has all rights on the database is found when they', () => {
  beforeAll(async () => {
    for (const text of ['four', 'five']) await note('case-c', text);
    await sign();
    await note('case-d', 'six');
    await sign();
  });
  afterEach(async () => {
    expect(await verify()).toMatchObject({ verified: true });
  });
  const of = (stream: string, version: number) => `where stream = '${stream}' and version = ${version}`;

  it('change a byte', async () => {
    const report = await tampered([
      `update ledger.events set data = jsonb_set(data::jsonb, '{text}', '"fovr"') ${of('case-c', 1)}`,
    ]);
    expect(report.verified).toBe(false);
    expect(kinds(report)).toEqual(['hash_mismatch']);
  });

  it('remove an event', async () => {
    const report = await tampered([`delete from ledger.events ${of('case-c', 1)}`]);
    expect(report.verified).toBe(false);
    expect(kinds(report)).toEqual(expect.arrayContaining(['missing_versions', 'checkpoint_size', 'tail_missing']));
  });

  it('remove a stream', async () => {
    const report = await tampered([`delete from ledger.events where stream = 'case-c'`]);
    expect(kinds(report)).toEqual(expect.arrayContaining(['checkpoint_size', 'tail_missing']));
  });

  it('cut the end off, with the checkpoints in it', async () => {
    const { lastCheckpoint } = await verify();
    const report = await tampered([
      `delete from ledger.events where stream = 'case-d' or (stream = 'checkpoint-log' and version >= $1)`,
      [lastCheckpoint?.sequence],
    ]);
    expect(report).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(report)).toEqual(['tail_missing']);
  });

  it('swap two events', async () => {
    const report = await tampered(
      [`update ledger.events set version = 1000 ${of('case-c', 1)}`],
      [`update ledger.events set version = 1 ${of('case-c', 2)}`],
      [`update ledger.events set version = 2 ${of('case-c', 1000)}`],
    );
    expect(kinds(report)).toContain('hash_mismatch');
  });

  it('insert an event, with a chain that holds', async () => {
    const [first] = await cases.readStream('case', 'case-c');
    if (!first) throw new Error('the stream has lost its events');
    const forged = { ...first, stream: 'case-inserted', id: newId() };
    const insert = (position: string) =>
      `insert into ledger.events (stream, id, hash, position, category, version, type, schema_version, tenant, time,
         actor, data, meta, tx) overriding system value
       select $1, $2, decode($3, 'hex'), ${position}, category, version, type, schema_version, tenant, time,
         actor, data, meta, tx from ledger.events ${of('case-c', 1)}`;
    const values = [forged.stream, forged.id, eventHash(forged, '')];
    for (const position of ['position + 1000000', '-position']) {
      const report = await tampered([insert(position), values]);
      expect(report).toMatchObject({ verified: false, chains: 'ok' });
      expect(kinds(report)).toContain('checkpoint_root');
    }
  });

  it('write a chain anew, so that it holds', async () => {
    const [first, second] = await cases.readStream('case', 'case-c');
    if (!first || !second) throw new Error('the stream has lost its events');
    const forged = { ...first, data: { ...first.data, text: 'nothing happened' } };
    const firstHash = eventHash(forged, '');
    const set = (version: number) =>
      `update ledger.events set data = $1, hash = decode($2, 'hex') ${of('case-c', version)}`;
    const report = await tampered(
      [set(1), [JSON.stringify(forged.data), firstHash]],
      [set(2), [JSON.stringify(second.data), eventHash(second, firstHash)]],
    );
    expect(report).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(report)).toContain('checkpoint_root');
  });

  it('get the ledger to sign over it', async () => {
    await asSuperuser('create table public.kept as select * from ledger.events');
    await asSuperuser(`delete from ledger.events where stream = 'case-c'; delete from svc_ledger.tree_state`);
    const other = await start();
    const headers = await issuer.headersFor('audrey');
    const answer = await fetch(`${other.url}/v1/audit/checkpoints`, { method: 'POST', headers });
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({ code: 'ledger_damaged' });
    await other.stop();
    await restore();
  });
});

describe('an export', () => {
  const download = async (query = '', subject = 'audrey') => {
    const answer = await fetch(`${service.url}/v1/audit/export${query}`, { headers: await issuer.headersFor(subject) });
    return { answer, text: await answer.text() };
  };
  const root = async () => {
    const { body } = await get<AuditKeys>('/v1/audit/keys');
    return publicKeyOf(body.root.publicKey);
  };

  it('is verified offline, with leaves instead of what other tenants have', async () => {
    const { answer, text } = await download();
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    expect(text).not.toContain('three');
    const report = await verifyExport(Readable.from(text), { rootPublicKey: await root() });
    expect(report).toMatchObject({ verified: true, leaves: 1, problems: [] });
    const { lastCheckpoint } = await verify();
    expect(report.lastCheckpoint).toEqual(lastCheckpoint);
  });

  it('is one stream, whose chain can be verified', async () => {
    const { text } = await download('?stream=case-c');
    expect(await verifyExport(Readable.from(text), { rootPublicKey: await root() })).toMatchObject({
      verified: true,
      events: 2,
      coveredEvents: 0,
    });
    expect((await download('?stream=case-b')).answer.status).toBe(404);
    expect((await download('?stream=nothing-here')).answer.status).toBe(404);
  });

  it('is for those who may', async () => {
    expect((await download('', 'arno')).answer.status).toBe(403);
  });
});

describe('the events', () => {
  type Page = { items: EventView[]; next?: string };

  it('of a stream come page by page', async () => {
    const first = await get<Page>('/v1/streams/case-a/events?limit=1');
    expect(first.body.items).toMatchObject([{ version: 1, data: { text: 'one' } }]);
    const second = await get<Page>(`/v1/streams/case-a/events?limit=1&cursor=${first.body.next}`);
    expect(second.body.items).toMatchObject([{ version: 2, data: { text: 'two' } }]);
    expect(await get('/v1/streams/case-b/events')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await get('/v1/streams/case-a/events?cursor=x')).toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    });
  });

  it('are found by category, type, actor and time, all of them and none twice', async () => {
    const texts = (items: EventView[]) => items.map(({ data }) => data['text']);
    const all = await get<Page>('/v1/events?category=case&limit=500');
    expect(texts(all.body.items)).toContain('one');
    expect(texts(all.body.items)).not.toContain('three');
    let next: string | undefined;
    const seen: EventView[] = [];
    do {
      const cursor = next === undefined ? '' : `&cursor=${next}`;
      const { body } = await get<Page>(`/v1/events?category=case&type=CaseNoteAdded&actor=arno&limit=2${cursor}`);
      seen.push(...body.items);
      next = body.next;
    } while (next !== undefined);
    expect(texts(seen)).toEqual(texts(all.body.items));
    expect((await get<Page>('/v1/events?category=case&actor=nobody')).body.items).toEqual([]);
    expect((await get<Page>('/v1/events?category=case&to=2020-01-01T00:00:00Z')).body.items).toEqual([]);
    const lines = await fetch(`${service.url}/v1/events?category=case`, {
      headers: { ...(await issuer.headersFor('audrey')), accept: 'application/x-ndjson' },
    });
    expect((await lines.text()).trim().split('\n')).toHaveLength(all.body.items.length);
  });

  it('of a stream are told as a story', async () => {
    const { body } = await get<Story>('/v1/audit/replay?stream=case-c');
    expect(body.items.map(({ text }) => text)).toEqual(['arno noted: “four”.', 'arno noted: “five”.']);
  });
});

describe('dead letters', () => {
  const die = async (tenant: string): Promise<string> => {
    const id = newId();
    const message = { topic: 'countersign.run', key: 'run-1', id, tenant, actor: serviceActor('case') };
    await postgres.ownerPool().query(
      `insert into bus.dead_letter (id, consumer_group, topic, key, message_id, tenant, code, reason, field, message, attempts)
       values ($1::uuid, 'countersign.case', 'countersign.run', 'run-1', $1::uuid::text, $2, 'invalid_field', 'is wrong', 'data.x', $3, 1)`,
      [id, tenant, JSON.stringify(message)],
    );
    return id;
  };

  it('are shown, retried and dropped by those who may', async () => {
    const [retried, dropped] = [await die('default'), await die('default')];
    const list = await get<{ items: DeadLetterView[] }>('/v1/dead-letters?status=open');
    expect(list.body.items.map(({ id }) => id)).toEqual(expect.arrayContaining([retried, dropped]));
    expect(await get(`/v1/dead-letters/${retried}`)).toMatchObject({
      body: { code: 'invalid_field', field: 'data.x', status: 'open' },
    });
    expect(await call('POST', `/v1/dead-letters/${retried}/retry`)).toMatchObject({ status: 403 });
    expect(await call('POST', `/v1/dead-letters/${retried}/retry`, 'root')).toMatchObject({
      status: 200,
      body: { status: 'retried', decidedBy: 'root' },
    });
    expect(await call('POST', `/v1/dead-letters/${dropped}/drop`, 'root')).toMatchObject({
      status: 200,
      body: { status: 'dropped' },
    });
    expect(await call('POST', `/v1/dead-letters/${dropped}/retry`, 'root')).toMatchObject({
      status: 409,
      body: { code: 'invalid_transition' },
    });
  });

  it('belong to their tenant; what names none is for the administrator', async () => {
    const [theirs, nobodys] = [await die('other'), await die('')];
    expect(await get(`/v1/dead-letters/${theirs}`)).toMatchObject({ status: 404 });
    expect(await get(`/v1/dead-letters/${nobodys}`)).toMatchObject({ status: 404 });
    expect(await get(`/v1/dead-letters/${nobodys}`, 'root')).toMatchObject({ status: 200 });
  });
});
