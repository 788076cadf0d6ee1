import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { serviceActor } from '#contracts/envelope';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { EventView } from '#contracts/http/case';
import type { AuditKeys, DeadLetterView, Story } from '#contracts/http/ledger';
import { verifyExport } from '#libs/audit';
import { newId } from '#libs/kernel';
import { publicKeyOf, rotateKey } from '#libs/warrant';
import { useLedgerService } from './ledger-service.fixture';

const { postgres, keyFiles, service, start, call, get, verify, sign, signAt, note, eventually, asSuperuser, download } =
  useLedgerService();

beforeAll(async () => {
  for (const text of ['four', 'five']) await note('case-c', text);
});

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
    await signAt(again);
    await again.stop();
    expect(await verify()).toMatchObject({ verified: true });
  });

  it('is signed by one of several that try at the same time', async () => {
    const others = await Promise.all([start(), start()]);
    await note('case-a', 'for all of them');
    const answers = await Promise.all([service(), ...others].map(signAt));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await Promise.all(others.map((other) => other.stop()));
    expect(await verify()).toMatchObject({ verified: true, problems: [] });
  });

  it('is signed by a new key once that has replaced the one before, and both verify', async () => {
    await note('case-a', 'under the key before');
    const before = await sign();
    const rootPrivateKey = await readFile(join(keyFiles.keysFolder, 'root.private.pem'), 'utf8');
    const rotated = await rotateKey(keyFiles, 'checkpoint', { rootPrivateKey, now: new Date(), overlapMs: 60_000 });
    const again = await start();
    await note('case-a', 'under the new key');
    const answer = await signAt(again);
    const after: CheckpointSigned = JSON.parse(await answer.text());
    await again.stop();
    expect([before.keyId, after.keyId]).toEqual([rotated.previous.keyId, rotated.keyId]);
    expect(await verify()).toMatchObject({ verified: true, problems: [] });
    const { body } = await get<AuditKeys>('/v1/audit/keys');
    expect(body.keys.map(({ keyId, notAfter }) => [keyId, notAfter])).toEqual([
      [before.keyId, null],
      [before.keyId, rotated.previous.notAfter],
      [after.keyId, null],
    ]);
  });

  it('is listed, with the keys to check it by', async () => {
    const { body } = await get<{ items: CheckpointSigned[]; next?: string }>('/v1/audit/checkpoints?limit=1');
    expect(body.items).toEqual([(await verify()).lastCheckpoint]);
    const earlier = await get<{ items: CheckpointSigned[] }>(`/v1/audit/checkpoints?limit=1&cursor=${body.next}`);
    expect(earlier.body.items[0]?.sequence).toBe((body.items[0]?.sequence ?? 0) - 1);
    const keys = await fetch(`${service().url}/v1/audit/keys`);
    expect(await keys.json()).toMatchObject({
      keys: expect.arrayContaining([expect.objectContaining({ keyId: body.items[0]?.keyId, purpose: 'checkpoint' })]),
    });
  });
});

describe('an export', () => {
  const exported = async (query = '', subject = 'audrey') => {
    const answer = await download(`/v1/audit/export${query}`, {}, subject);
    return { answer, text: await answer.text() };
  };
  const root = async () => {
    const { body } = await get<AuditKeys>('/v1/audit/keys');
    return publicKeyOf(body.root.publicKey);
  };

  it('is verified offline, with leaves instead of what other tenants have', async () => {
    const { answer, text } = await exported();
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    expect(text).not.toContain('three');
    const report = await verifyExport(Readable.from(text), { rootPublicKey: await root() });
    expect(report).toMatchObject({ verified: true, leaves: 1, problems: [] });
    const { lastCheckpoint } = await verify();
    expect(report.lastCheckpoint).toEqual(lastCheckpoint);
  });

  it('holds what was recorded before, whatever transaction was open when it was asked for', async () => {
    const other = new Client({ connectionString: postgres.superuserUrl });
    await other.connect();
    await other.query('begin; select pg_current_xact_id()');
    await note('case-e', 'behind an open transaction');
    const asked = exported();
    // Time enough for an export that does not wait to end.
    await wait(300);
    await other.query('commit');
    await other.end();
    expect((await asked).text).toContain('behind an open transaction');
  });

  it('is one stream, whose chain can be verified', async () => {
    const { text } = await exported('?stream=case-c');
    expect(await verifyExport(Readable.from(text), { rootPublicKey: await root() })).toMatchObject({
      verified: true,
      events: 2,
      coveredEvents: 0,
    });
    expect((await exported('?stream=case-b')).answer.status).toBe(404);
    expect((await exported('?stream=nothing-here')).answer.status).toBe(404);
  });

  it('is for those who may', async () => {
    expect((await exported('', 'arno')).answer.status).toBe(403);
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
    const lines = await download('/v1/events?category=case', { accept: 'application/x-ndjson' });
    expect((await lines.text()).trim().split('\n')).toHaveLength(all.body.items.length);
  });

  it('are read by nobody unrecorded', async () => {
    /** Of streams, stories and exports: asking for these events is a reading too. */
    const readings = async () => {
      const { body } = await get<Page>('/v1/events?category=audit&limit=500', 'audrey');
      const told = body.items.map(
        ({ actor, data }) => `${actor.id} ${String(data['what'])} ${JSON.stringify(data['query'])}`,
      );
      return told.filter((text) => !text.includes(' events '));
    };
    const before = await readings();
    await get('/v1/streams/case-c/events');
    await get('/v1/audit/replay?stream=case-c');
    await (await download('/v1/audit/export')).text();
    await get('/v1/streams/case-nowhere/events');
    await get('/v1/streams/case-c/events', 'arno');
    const after = await eventually(async () => {
      const now = await readings();
      return now.some((text) => text.includes(' export ')) && now.length >= before.length + 3 ? now : undefined;
    });
    expect(after.slice(before.length)).toEqual([
      'audrey stream {"stream":"case-c"}',
      'audrey replay {"stream":"case-c"}',
      'audrey export {}',
    ]);
    const { body } = await get<Page>('/v1/events?category=audit&type=LedgerRead&limit=500', 'audrey');
    expect(body.items.some(({ data }) => data['what'] === 'events')).toBe(true);
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
