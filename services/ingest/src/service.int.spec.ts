import { request as httpRequest } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { createGzip, gzipSync } from 'node:zlib';
import type { AlertReceived } from '#contracts/alert';
import { type AlertEvent, alertEvents } from '#contracts/events/alert';
import { serviceActor } from '#contracts/envelope';
import type { AccountCounts, AlertIntake, IngestAccount, SourceWithToken } from '#contracts/http/ingest';
import type { BusMessage } from '#libs/bus';
import { createPostgresEventStore, NO_STREAM, toNewEvents } from '#libs/event-store';
import { newId, type JsonObject } from '#libs/kernel';
import { record } from '#libs/personal-data';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { SourceRegistry } from './app/source-registry';
import { service as ingest } from './service';

const postgres = useMigratedPostgres(ingest);
let issuer: TestIssuer;
let data: string;
let service: RunningService;

beforeAll(async () => {
  issuer = await startTestIssuer();
  data = await mkdtemp(join(tmpdir(), 'countersign-ingest-'));
  service = await startService(ingest, {
    env: {
      COUNTERSIGN_PROFILE: 'development',
      COUNTERSIGN_DATA: data,
      LEDGER_URL: postgres.appUrl,
      INGEST_PORT: '0',
      OIDC_ISSUER: issuer.url,
    },
    logger: createLogger('silent'),
  });
});
afterAll(async () => {
  await service.stop();
  await issuer.stop();
  await rm(data, { recursive: true });
});

interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

async function call<Body = JsonObject>(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: RequestInit['body'] | ReadableStream,
): Promise<Answer<Body>> {
  const answer = await fetch(`${service.url}${path}`, { method, headers, body, duplex: 'half' } as RequestInit);
  const parsed: Body = JSON.parse(await answer.text());
  return { status: answer.status, headers: answer.headers, body: parsed };
}

async function asUser<Body = JsonObject>(subject: string, method: string, path: string, body?: JsonObject) {
  const headers = { ...(await issuer.headersFor(subject)), ...(body && { 'content-type': 'application/json' }) };
  return call<Body>(method, path, headers, body && JSON.stringify(body));
}

async function register(name: string, format?: string): Promise<SourceWithToken & { send: typeof sendAs }> {
  const { status, body } = await asUser<SourceWithToken>('root', 'POST', '/v1/sources', {
    name,
    ...(format && { format }),
  });
  expect(status).toBe(201);
  return {
    ...body,
    send: (alerts, headers = {}, query = '') => sendAs(alerts, { ...bearer(body.token), ...headers }, query),
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const sendAs = (alerts: RequestInit['body'] | ReadableStream, headers: Record<string, string> = {}, query = '') =>
  call<AlertIntake & { code?: string; field?: string; detail?: string }>('POST', `/v1/alerts${query}`, headers, alerts);

const notable = (id: string, more: JsonObject = {}): JsonObject => ({
  event_id: id,
  search_name: 'Test',
  urgency: 'high',
  user: 'j.doe',
  _time: '2026-11-24T14:00:00Z',
  ...more,
});

async function published(receiptId: string) {
  const { rows } = await postgres
    .ownerPool()
    .query<{ message: BusMessage }>('select message from bus.log where id = $1', [receiptId]);
  return rows.map(({ message }) => service.context.personal.openMessage(message));
}

async function account(): Promise<IngestAccount> {
  const { body } = await asUser<IngestAccount>('audrey', 'GET', '/v1/ingest/account');
  for (const { received, ...rest } of [...body.sources, body.total]) expect(received).toBe(sumOf(rest));
  return body;
}

function sumOf({
  new: fresh,
  updated,
  duplicate,
  grouped,
  suppressed,
  rejected,
  pending,
}: Omit<AccountCounts, 'received'>) {
  return fresh + updated + duplicate + grouped + suppressed + rejected + pending;
}

async function accountOf(sourceId: string, isThere: (counts: AccountCounts) => boolean) {
  for (;;) {
    const counts = (await account()).sources.find((source) => source.sourceId === sourceId);
    if (counts !== undefined && isThere(counts)) return counts;
    await wait(20);
  }
}

/** As the case service records an outcome. */
/** As the ledger service does it: the event, and then the key. */
async function erase(name: string): Promise<void> {
  const { personal, personalKeys } = service.context;
  const keys = [personal.keyNameOf(record('default', name))];
  const data = { erasureId: newId(), records: [name], cases: [], persons: 0, keys, reason: 'a test' };
  const envelope = { category: 'audit', stream: 'audit-erasures-test', time: new Date() } as const;
  const events = toNewEvents([{ type: 'PersonalDataErased', data }], {
    ...{ ...envelope, actor: serviceActor('ledger'), meta: { correlationId: 'test' } },
  });
  const store = createPostgresEventStore({ pool: postgres.pool('ledger') });
  const { category, stream } = envelope;
  await store.append([{ category, stream, tenant: 'default', expected: NO_STREAM, events }]);
  await personalKeys.replace(personalKeys.ring().without(keys, null));
}

async function appendOutcome(stream: string, event: AlertEvent): Promise<void> {
  const store = createPostgresEventStore({ pool: postgres.pool('case') });
  const [head] = [...(await store.heads('alert', [stream])).values()];
  const result = await store.append([
    {
      category: 'alert',
      stream,
      tenant: 'default',
      expected: head ?? NO_STREAM,
      events: [
        {
          id: newId(),
          type: event.type,
          schemaVersion: alertEvents[event.type].version,
          time: new Date().toISOString(),
          actor: serviceActor('case'),
          data: event.data as unknown as JsonObject,
          meta: { correlationId: 'test' },
        },
      ],
    },
  ]);
  expect(result.status).toBe('appended');
}

describe('POST /v1/alerts', () => {
  it('answers 202 once an alert is on the bus, with its original and its finding', async () => {
    const source = await register('one');
    const text = JSON.stringify(notable('n-1'), null, 2);
    const { status, body } = await source.send(text);
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 1, rejected: 0, omitted: 0, results: [{ index: 0, status: 'accepted' }] });
    const [message] = await published(body.results[0]?.receiptId ?? '');
    expect(message).toMatchObject({
      type: 'AlertReceived',
      key: body.results[0]?.alertId,
      data: { source: 'one', format: 'splunk-notable', original: { body: text }, finding: { severity_id: 4 } },
    });
  });

  it('answers a single bad alert with the field and the reason, and keeps it', async () => {
    const source = await register('bad');
    const answer = await source.send(JSON.stringify(notable('n-1', { user: 'a\0b' })));
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    expect(answer.body).toMatchObject({
      code: 'invalid_character',
      field: 'user',
      detail: expect.stringMatching('NUL'),
    });
    expect((await source.send('{"event_id":')).body).toMatchObject({ code: 'invalid_json' });
    expect((await source.send('{"hello":"world"}')).body).toMatchObject({ code: 'unknown_format' });
    expect((await source.send('{}', {}, '?format=arcsight')).body).toMatchObject({
      code: 'unknown_format',
      field: 'format',
    });
    expect(await accountOf(source.source.id, ({ pending }) => pending === 4)).toMatchObject({ received: 4 });
  });

  it('tells the bad alerts of a list apart', async () => {
    const source = await register('list');
    const { status, body } = await source.send(
      `[${JSON.stringify(notable('a'))}, {"x": tru}, 7, ${JSON.stringify(notable('b'))}]`,
    );
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 2, rejected: 2 });
    expect(body.results.map(({ status, code }) => code ?? status)).toEqual([
      'accepted',
      'invalid_json',
      'invalid_field',
      'accepted',
    ]);
  });

  it('takes NDJSON by its content type, by its looks, and with gzip', async () => {
    const source = await register('lines');
    const lines = `${JSON.stringify(notable('a'))}\n\n{"broken\n${JSON.stringify(notable('b'))}`;
    const counts = { accepted: 2, rejected: 1 };
    expect((await source.send(lines, { 'content-type': 'application/x-ndjson' })).body).toMatchObject(counts);
    expect((await source.send(lines)).body).toMatchObject(counts);
    const zipped = await source.send(new Uint8Array(gzipSync(lines)), { 'content-encoding': 'gzip' });
    expect(zipped.body).toMatchObject(counts);
  });

  it('takes NDJSON without a limit in all', async () => {
    const source = await register('endless');
    const padding = 'x'.repeat(12_000);
    async function* lines() {
      for (let index = 0; index < 1_500; index += 1) yield `${JSON.stringify(notable(`n-${index}`, { padding }))}\n`;
      yield '{"hello":"world"}\n';
    }
    const { status, body } = await source.send(Readable.toWeb(Readable.from(lines())) as unknown as ReadableStream, {
      'content-type': 'application/x-ndjson',
    });
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 1_500, rejected: 1, omitted: 500 });
    expect(body.results.at(-1)).toMatchObject({ index: 1_500, code: 'unknown_format' });
  });

  it('refuses what is too large, by name', async () => {
    const source = await register('large');
    const large = JSON.stringify(notable('n', { padding: 'x'.repeat(9_000_000) }));
    expect(await source.send(large)).toMatchObject({ status: 413, body: { code: 'alert_too_large' } });
    const listed = await source.send(`[${large},${JSON.stringify(notable('m'))}]`);
    expect(listed).toMatchObject({
      status: 202,
      body: { accepted: 1, rejected: 1, results: [{ code: 'alert_too_large' }, {}] },
    });
    const whole = await source.send(JSON.stringify(notable('n', { padding: 'x'.repeat(20_000_000) })));
    expect(whole).toMatchObject({ status: 413, body: { code: 'body_too_large', field: 'body' } });
    const bomb = gzipSync(Buffer.alloc(20_000_000, 0x20));
    expect(await source.send(new Uint8Array(bomb), { 'content-encoding': 'gzip' })).toMatchObject({ status: 413 });
  });

  it('keeps a large alert whole, and tells the bus where', async () => {
    const source = await register('aside');
    const large = JSON.stringify(notable('n', { padding: 'x'.repeat(1_000_000) }));
    const { status, body } = await source.send(large);
    expect(status).toBe(202);
    const [message] = await published(body.results[0]?.receiptId ?? '');
    const { alertId, original } = message?.data as unknown as AlertReceived;
    expect(original).toMatchObject({ size: large.length, truncated: true });
    const path = `/v1/alerts/${alertId}/originals/${original.digest}`;
    const read = async (subject: string, at = path) =>
      fetch(`${service.url}${at}`, { headers: await issuer.headersFor(subject) });
    const answer = await read('arno');
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(await answer.text()).toBe(large);
    expect((await read('arno', path.replace(alertId, newId()))).status).toBe(404);
    // Sent again it is the same, and kept once.
    await source.send(large);
    const { rows } = await postgres
      .ownerPool()
      .query('select record from svc_ingest.original where digest = $1', [original.digest]);
    expect(rows).toEqual([{ record: `alert-${alertId}` }]);

    await erase(`alert-${alertId}`);
    for (const until = Date.now() + 20_000; (await read('arno')).status !== 404; await wait(50)) {
      if (Date.now() > until) throw new Error('the original of an erased alert is still there');
    }
  });

  it('holds a source to its limit, and tells it how long to wait', async () => {
    const source = await register('limited');
    const configured = await asUser('root', 'PATCH', '/v1/sources/limited', { alertsPerSecond: 2 });
    expect(configured).toMatchObject({ status: 200, body: { settings: { alertsPerSecond: 2 } } });
    const list = `[${Array.from({ length: 60 }, (_, index) => JSON.stringify(notable(`n-${index}`))).join(',')}]`;
    expect(await source.send(list)).toMatchObject({ status: 202, body: { accepted: 60 } });
    const refused = await source.send(JSON.stringify(notable('one-more')));
    expect(refused).toMatchObject({ status: 429, body: { code: 'throttled' } });
    // 58 alerts of debt, at 2 a second.
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(20);
    const hec = await call(
      'POST',
      '/services/collector/event',
      { authorization: `Splunk ${source.token}` },
      '{"event":1}',
    );
    expect(hec).toMatchObject({ status: 503, body: { code: 9 } });
    expect(Number(hec.headers.get('retry-after'))).toBeGreaterThan(20);
    expect((await asUser('root', 'PATCH', '/v1/sources/limited', { alertsPerSecond: null })).status).toBe(200);
    expect((await source.send(JSON.stringify(notable('one-more')))).status).toBe(202);
    expect(await asUser('root', 'PATCH', '/v1/sources/limited', { alertsPerSecond: 0 })).toMatchObject({ status: 400 });
    expect(await asUser('root', 'PATCH', '/v1/sources/limited', {})).toMatchObject({ status: 400 });
  });

  it('refuses an encoding that it does not know, gzip that is none, and nothing at all', async () => {
    const source = await register('encodings');
    expect(await source.send('{}', { 'content-encoding': 'br' })).toMatchObject({ status: 415 });
    expect(await source.send('{}', { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_json', field: 'content-encoding' },
    });
    expect(await source.send('  ')).toMatchObject({ status: 400, body: { code: 'invalid_json', field: 'body' } });
  });

  it('takes the whole lines of a body that breaks off, and goes on for others', async () => {
    const source = await register('breaking-off');
    const gzip = createGzip();
    const request = httpRequest(`${service.url}/v1/alerts`, {
      method: 'POST',
      headers: { ...bearer(source.token), 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    });
    request.on('error', () => undefined);
    gzip.pipe(request);
    gzip.write(`${JSON.stringify(notable('whole'))}\n{"event_id":"half`);
    gzip.flush();
    await accountOf(source.source.id, ({ received }) => received === 1);
    request.destroy();
    expect((await source.send(JSON.stringify(notable('whole')))).status).toBe(202);
    expect(await accountOf(source.source.id, ({ received }) => received === 2)).toMatchObject({ received: 2 });
  });

  it('keeps to the format that a source is registered with', async () => {
    const source = await register('only-eve', 'suricata-eve');
    expect((await source.send(JSON.stringify(notable('n')))).body).toMatchObject({
      code: 'invalid_field',
      field: 'event_type',
    });
  });
});

describe('sources', () => {
  it('are registered by name, once, with a format that is there', async () => {
    await register('SIEM-1');
    const again = await asUser('root', 'POST', '/v1/sources', { name: 'siem-1' });
    expect(again).toMatchObject({ status: 409, body: { code: 'invalid_transition', field: 'name' } });
    const unknown = await asUser('root', 'POST', '/v1/sources', { name: 'x', format: 'arcsight' });
    expect(unknown).toMatchObject({ status: 400, body: { code: 'unknown_format', field: 'format' } });
    expect(await asUser('arno', 'POST', '/v1/sources', { name: 'y' })).toMatchObject({ status: 403 });
  });

  it('show their token once, and the ledger never', async () => {
    const { token, source } = await register('secretive');
    const { rows } = await postgres
      .ownerPool()
      .query(`select to_jsonb(events)::text as event from ledger.events where category = 'source'`);
    expect(rows.some(({ event }) => event.includes(source.id))).toBe(true);
    expect(rows.some(({ event }) => event.includes(token))).toBe(false);
    const { body } = await asUser('root', 'GET', '/v1/sources');
    expect(JSON.stringify(body)).not.toContain(token);
  });

  it('keep the earlier token for the overlap that was stated, and no longer', async () => {
    const { source, token } = await register('rotating');
    const path = `/v1/sources/${source.id}/rotate`;
    const first = await asUser<SourceWithToken>('root', 'POST', path, {});
    expect(first.body.source.previousTokenValidUntil).not.toBeNull();
    const alert = () => JSON.stringify(notable(newId()));
    expect((await sendAs(alert(), bearer(token))).status).toBe(202);
    expect((await sendAs(alert(), bearer(first.body.token))).status).toBe(202);
    const second = await asUser<SourceWithToken>('root', 'POST', '/v1/sources/rotating/rotate', { overlapSeconds: 0 });
    expect((await sendAs(alert(), bearer(second.body.token))).status).toBe(202);
    for (const old of [token, first.body.token]) {
      expect(await sendAs(alert(), bearer(old))).toMatchObject({ status: 401, body: { code: 'token_invalid' } });
    }
  });

  it('send nothing any more once they are disabled', async () => {
    const { source, send } = await register('leaving');
    expect((await send(JSON.stringify(notable('a')))).status).toBe(202);
    const disabled = await asUser('root', 'POST', `/v1/sources/${source.id}/disable`, { reason: 'retired' });
    expect(disabled.body).toMatchObject({ status: 'disabled', disabledReason: 'retired' });
    expect(await send(JSON.stringify(notable('b')))).toMatchObject({ status: 401, body: { code: 'token_invalid' } });
    expect(await asUser('root', 'POST', `/v1/sources/${source.id}/rotate`, {})).toMatchObject({ status: 409 });
  });

  it('of another tenant are not found', async () => {
    const { source } = await register('ours');
    const registry = service.app.get(SourceRegistry);
    const theirs = {
      tenant: 'other',
      actor: { kind: 'human', id: 'mallory' },
      meta: { correlationId: 'test' },
    } as const;
    await expect(registry.rotate(source.id, 0, theirs)).rejects.toMatchObject({ code: 'not_found' });
    await expect(registry.disable(source.id, '', theirs)).rejects.toMatchObject({ code: 'not_found' });
    expect(await registry.list('other')).toEqual([]);
    expect((await registry.register('ours', null, theirs)).source.id).not.toBe(source.id);
  });

  it('are asked for a token that is theirs', async () => {
    expect(await sendAs('{}')).toMatchObject({ status: 401, body: { code: 'token_missing' } });
    expect(await sendAs('{}', bearer(`cs_src_${'a'.repeat(43)}`))).toMatchObject({ body: { code: 'token_invalid' } });
    expect(await sendAs('{}', await issuer.headersFor('root'))).toMatchObject({ status: 401 });
  });
});

describe('the account', () => {
  it('follows receptions and outcomes, whichever comes first, and balances at all times', async () => {
    const { source, send } = await register('counted');
    const { body } = await send(['a', 'b', 'c', 'd'].map((id) => JSON.stringify(notable(id))).join('\n'));
    await send('{"hello":"world"}');
    // What is acknowledged is in the account.
    const { sources } = await account();
    expect(sources.find(({ sourceId }) => sourceId === source.id)).toMatchObject({ received: 5, pending: 5 });
    const messages = await Promise.all(body.results.map(({ receiptId }) => published(receiptId)));
    const [a, b, c, d] = messages.map(([message]) => message?.data as unknown as AlertReceived);
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('not published');
    const enriched = { observables: [], verdict: 'unknown' as const, score: 0 };
    const { receiptId, alertId, sourceId, receivedAt } = c;
    await appendOutcome(`alert-${a.alertId}`, {
      type: 'AlertRecorded',
      data: { ...a, ...enriched, outcome: 'new', caseId: null, decidedBy: null, suppression: null },
    });
    await appendOutcome(`alert-${b.alertId}`, {
      type: 'AlertUpdated',
      data: { ...b, ...enriched, caseId: null, decidedBy: null },
    });
    await appendOutcome(`alert-${alertId}`, {
      type: 'AlertDuplicated',
      data: {
        ...{ receiptId, alertId, sourceId, source: c.source, receivedAt, caseId: null },
        ...{ duplicateOf: null, digest: null, decidedBy: null },
      },
    });
    expect(await accountOf(source.id, ({ pending }) => pending === 2)).toMatchObject({
      received: 5,
      new: 1,
      updated: 1,
      duplicate: 1,
    });
    // An outcome whose reception was never entered: ingest was killed before it could acknowledge it.
    const early = { ...d, receiptId: newId(), alertId: newId() };
    await appendOutcome(`alert-${early.alertId}`, {
      type: 'AlertRecorded',
      data: { ...early, ...enriched, outcome: 'grouped', caseId: newId(), decidedBy: null, suppression: null },
    });
    expect(await accountOf(source.id, ({ grouped }) => grouped === 1)).toMatchObject({ received: 6, pending: 2 });
    // What a rule drops, and what its case only counts, is accounted for as any other.
    await appendOutcome(`alert-${d.alertId}`, {
      type: 'AlertRecorded',
      data: {
        ...{ ...d, ...enriched, outcome: 'suppressed', caseId: null },
        decidedBy: { rule: 'scanner', rulesVersion: 1, rulesDigest: d.digest },
        suppression: { kind: 'dropped', reason: 'our own scanner' },
      },
    });
    expect(await accountOf(source.id, ({ suppressed }) => suppressed === 1)).toMatchObject({ received: 6, pending: 1 });
  });
});
