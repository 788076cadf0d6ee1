import { gzipSync } from 'node:zlib';
import type { ElasticBulkAnswer, ElasticBulkItem, ElasticError } from '#contracts/http/elastic-bulk';
import { useIngestService } from './ingest-service.fixture';

const ingest = useIngestService();
const published = (sourceId: string) => ingest().published(sourceId);

type Body = ElasticBulkAnswer & ElasticError;

async function call(method: string, path: string, headers: Record<string, string>, body?: RequestInit['body']) {
  const answer = await fetch(`${ingest().service.url}/elastic${path}`, { method, headers, body });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: text.startsWith('{') ? (JSON.parse(text) as Body) : undefined,
  };
}

const basic = (token: string) => ({ authorization: `Basic ${Buffer.from(`shipper:${token}`).toString('base64')}` });

async function register(name: string, format?: string) {
  const { source, token } = await ingest().register(name, format);
  const send = (body: RequestInit['body'], path = '/_bulk', headers: Record<string, string> = {}) =>
    call('POST', path, { ...basic(token), 'content-type': 'application/x-ndjson', ...headers }, body);
  return { id: source.id, token, send };
}

const lines = (...values: unknown[]) =>
  values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join('');
const itemsOf = (answer: { readonly body?: Body }): [string, ElasticBulkItem][] =>
  (answer.body?.items ?? []).flatMap((item) => Object.entries(item));

describe('the bulk API', () => {
  it('answers for each document, as Elasticsearch does', async () => {
    const { id, send } = await register('documents');
    const notable = { event_id: 'n-1', search_name: 'S', urgency: 'high' };
    const body = lines(
      { index: { _index: 'logs', _id: 'a' } },
      notable,
      { create: { _index: 'logs' } },
      {
        '@timestamp': '2026-11-24T14:05:11Z',
        message: 'Password guessing\nmore',
        log: { level: 'warning' },
        host: { name: 'vpn-gw-01' },
      },
    );
    const answer = await send(body);
    expect(answer).toMatchObject({ status: 200, body: { errors: false, took: expect.any(Number) } });
    expect(answer.headers.get('x-elastic-product')).toBe('Elasticsearch');
    expect(itemsOf(answer)).toMatchObject([
      ['index', { _index: 'logs', _id: 'a', _version: 1, result: 'created', status: 201, _shards: { successful: 1 } }],
      ['create', { _index: 'logs', _id: expect.stringMatching(/-/), status: 201 }],
    ]);
    expect((await published(id)).map(({ data }) => data)).toMatchObject([
      {
        format: 'splunk-notable',
        original: { body: `{"_index":"logs","_id":"a","_source":${JSON.stringify(notable)}}` },
      },
      {
        format: 'elastic-document',
        finding: {
          time: Date.parse('2026-11-24T14:05:11Z'),
          severity_id: 3,
          finding_info: { title: 'Password guessing' },
          evidences: [{ device: { hostname: 'vpn-gw-01' } }],
        },
      },
    ]);
  });

  it('takes the index of the path, gzip, PUT, and an alert that was shipped as a message', async () => {
    const { id, token, send } = await register('paths');
    const eve = {
      timestamp: '2026-11-24T14:00:00Z',
      event_type: 'alert',
      alert: { signature_id: 1, signature: 'S', severity: 1 },
    };
    const body = lines({ index: {} }, { message: JSON.stringify(eve) });
    const zipped = await send(new Uint8Array(gzipSync(body)), '/eve/_bulk', { 'content-encoding': 'gzip' });
    expect(itemsOf(zipped)).toMatchObject([['index', { _index: 'eve', status: 201 }]]);
    expect((await call('PUT', '/eve/_bulk', basic(token), body)).status).toBe(200);
    const messages = await published(id);
    expect(messages.map(({ data }) => data.format)).toEqual(['suricata-eve', 'suricata-eve']);
    // Sent again it is the same alert.
    expect(messages[0]?.key).toBe(messages[1]?.key);
  });

  it('replaces a document of one id by the next', async () => {
    const { id, send } = await register('versions');
    const version = (message: string) => lines({ index: { _index: 'i', _id: 'x' } }, { message });
    await send(version('one') + version('two') + lines({ index: { _index: 'j', _id: 'x' } }, { message: 'two' }));
    const [one, two, other] = await published(id);
    expect(one?.key).toBe(two?.key);
    expect(one?.data.digest).not.toBe(two?.data.digest);
    expect(other?.key).not.toBe(one?.key);
  });

  it('tells bad documents and actions that it does not take apart from the others', async () => {
    const { id, send } = await register('bad', 'suricata-eve');
    const answer = await send(
      lines(
        { index: { _index: 'i' } },
        { event_type: 'dns', flow_id: 1 },
        { delete: { _index: 'i', _id: 'x' } },
        { update: { _index: 'i', _id: 'y' } },
        { doc: {} },
        { create: { _index: 'i' } },
        '{"broken": tru}',
        { index: { _index: 'i' } },
        { event_type: 'alert', timestamp: '2026-11-24T14:00:00Z', alert: { signature_id: 1 } },
      ),
    );
    expect(answer).toMatchObject({ status: 200, body: { errors: true } });
    expect(itemsOf(answer).map(([verb, { status, error }]) => [verb, status, error?.type])).toEqual([
      ['index', 400, 'document_parsing_exception'],
      ['delete', 400, 'illegal_argument_exception'],
      ['update', 400, 'illegal_argument_exception'],
      ['create', 400, 'document_parsing_exception'],
      ['index', 201, undefined],
    ]);
    expect(itemsOf(answer)[0]?.[1].error?.reason).toMatch(/invalid_field: \[event_type\]/);
    expect((await published(id)).map(({ type }) => type)).toEqual(['AlertRefused', 'AlertRefused', 'AlertReceived']);
  });

  it.each([
    ['', 'request body is required'],
    ['nonsense\n{}\n', 'Malformed action/metadata line [1], expected START_OBJECT'],
    ['{"index":{"_index":"i"}}\n{"a":1}\n[]\n', 'Malformed action/metadata line [3], expected START_OBJECT'],
    ['{"upsert":{"_index":"i"}}\n{}\n', 'Malformed action/metadata line [1], expected field'],
    ['{"index":{"_index":"i"}}\n', 'the document of its action is missing'],
    ['{"index":{}}\n{}\n', 'an index is missing'],
  ])('refuses the request %j as a whole', async (body, reason) => {
    const { send } = await register(
      `malformed-${Buffer.from(reason + body)
        .toString('hex')
        .slice(-60)}`,
    );
    const { status, body: answered } = await send(body);
    expect([status, answered?.status]).toEqual([400, 400]);
    expect(answered?.error.reason).toContain(reason);
    expect(answered?.error.root_cause).toMatchObject([{ type: answered?.error.type }]);
  });

  it('knows the token as a password, as an API key and as a bearer', async () => {
    const { token } = await register('tokens');
    const body = lines({ index: { _index: 'i' } }, { message: 'x' });
    const ask = (authorization?: string) =>
      call('POST', '/_bulk', authorization === undefined ? {} : { authorization }, body);
    for (const header of [
      basic(token).authorization,
      `ApiKey ${Buffer.from(`id:${token}`).toString('base64')}`,
      `Bearer ${token}`,
    ]) {
      expect((await ask(header)).status).toBe(200);
    }
    for (const header of [undefined, 'Basic x', 'Splunk x', basic('wrong').authorization]) {
      expect(await ask(header)).toMatchObject({
        status: 401,
        body: { status: 401, error: { type: 'security_exception' } },
      });
    }
  });

  it('says what shippers ask first', async () => {
    const { token } = await register('asked');
    const about = await call('GET', '', basic(token));
    expect(about.body).toMatchObject({ version: { number: '8.17.0' }, tagline: 'You Know, for Search' });
    expect((await call('GET', '/_license', basic(token))).body).toMatchObject({ license: { status: 'active' } });
    expect((await call('GET', '/_cat/health', basic(token))).text).toContain('green');
    expect((await call('GET', '', {})).status).toBe(401);
  });
});
