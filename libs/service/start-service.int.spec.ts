import { Body, Controller, Get, HttpCode, Module, Param, Post, Query } from '@nestjs/common';
import { once } from 'node:events';
import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import Type from 'typebox';
import type { Endpoint } from '#contracts/http/endpoint';
import { operationEndpoints } from '#contracts/http/operations';
import type { Principal } from '#contracts/identity';
import { Closed, Text } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import {
  CurrentPrincipal,
  createLogger,
  defineService,
  RawBody,
  SourceTokenVerifier,
  startService,
  startTestIssuer,
  Trace,
  walkEndpoints,
  type RequestTrace,
  type RunningService,
  type TestIssuer,
} from '.';

const Note = Closed({ text: Text(20), tags: Type.Optional(Type.Array(Text(5))) });
const Echo = Type.Object({}, { additionalProperties: true });
const user = { service: 'case', auth: 'user', summary: 'A test', responses: { 200: Echo } } as const;
const endpoints: Endpoint[] = [
  ...operationEndpoints('case'),
  {
    ...user,
    method: 'GET',
    path: '/v1/notes/:id',
    permission: 'cases:read',
    params: Closed({ id: Text(40) }),
    query: Closed({ limit: Type.Integer({ minimum: 1, default: 10 }) }),
  },
  { ...user, method: 'POST', path: '/v1/notes', permission: 'cases:write', body: Note },
  { ...user, method: 'POST', path: '/v1/decide', permission: 'approvals:decide', decision: true, body: Closed({}) },
  { ...user, method: 'POST', path: '/v1/fail', permission: 'cases:read', body: Closed({ code: Text(50) }) },
  {
    ...user,
    method: 'POST',
    path: '/v1/upload',
    auth: 'source',
    rawBody: true,
    body: Type.String(),
    consumes: ['application/x-ndjson'],
  },
];

/** Called when a first chunk of an upload has come in. */
let uploading: () => void = () => undefined;

@Controller()
class NotesController {
  @Get('/v1/notes/:id')
  get(
    @Param('id') id: string,
    @Query() query: unknown,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ) {
    return { id, query, principal, trace };
  }

  @Post('/v1/notes')
  @HttpCode(200)
  add(@Body() body: unknown) {
    return { body };
  }

  @Post('/v1/decide')
  @HttpCode(200)
  decide(@CurrentPrincipal() principal: Principal) {
    return { by: principal.subject };
  }

  @Post('/v1/fail')
  fail(@Body() { code }: { code: string }) {
    if (code === 'crash') throw new TypeError('a secret detail');
    throw new DomainError('stream_conflict', { field: 'version', reason: 'Read it again.' });
  }

  @Post('/v1/upload')
  @HttpCode(200)
  async upload(@RawBody() body: Readable, @CurrentPrincipal() principal: Principal) {
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      uploading();
    }
    return { bytes, source: principal.subject };
  }
}

class OneSource extends SourceTokenVerifier {
  async verify(token: string): Promise<Principal> {
    if (token !== 'cs_1') throw new DomainError('token_invalid', 'The source token is not known.');
    const source = { kind: 'source', roles: ['source'], audience: 'countersign', clientId: 'siem' } as const;
    return { subject: 'siem', tenant: 'default', ...source };
  }
}

@Module({ controllers: [NotesController], providers: [{ provide: SourceTokenVerifier, useClass: OneSource }] })
class NotesModule {}

const definition = defineService({
  name: 'case',
  port: 8083,
  config: Closed({ CASE_COLOUR: Type.String({ default: 'blue' }) }),
  entities: [],
  migrations: [],
  projections: () => [],
  module: () => ({ module: NotesModule }),
});

const postgres = useMigratedPostgres();
let issuer: TestIssuer;
let service: RunningService;

const environment = () => ({
  COUNTERSIGN_PROFILE: 'development',
  LEDGER_URL: postgres.appUrl,
  CASE_PORT: '0',
  OIDC_ISSUER: issuer.url,
});
const logger = createLogger('silent');

beforeAll(async () => {
  issuer = await startTestIssuer();
  service = await startService(definition, { env: environment(), endpoints, logger });
});
afterAll(async () => {
  await service.stop();
  await issuer.stop();
});

async function call(method: string, path: string, headers: Record<string, string> = {}, body?: string | Buffer) {
  const answer = await fetch(`${service.url}${path}`, { method, headers, body });
  const content = await answer.text();
  const isJson = content.startsWith('{');
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(content) : content };
}
const json = { 'content-type': 'application/json' };
const problem = ({ status, body }: Awaited<ReturnType<typeof call>>) => ({
  status,
  code: body.code,
  field: body.field,
  detail: body.detail,
});
const like = (status: number, code: string, field?: string, detail: unknown = expect.any(String)) => ({
  status,
  code,
  detail,
  ...(field !== undefined && { field }),
});

describe('who may call', () => {
  it('is asked before anything else', async () => {
    expect(problem(await call('GET', '/v1/notes/1'))).toMatchObject(
      like(401, 'token_missing', 'authorization', "Send 'Authorization: Bearer TOKEN'."),
    );
    expect(problem(await call('POST', '/v1/notes', json, '{"broken'))).toMatchObject(like(401, 'token_missing'));
    expect((await call('GET', '/v1/notes/1', { authorization: 'Bearer nonsense' })).body).toMatchObject({
      type: '/docs#problem-token_invalid',
      title: 'The token is not valid',
      status: 401,
      detail: 'The token is refused: it is not a JWT of the issuer.',
    });
  });

  it('is the principal of the token, in its tenant', async () => {
    const { status, body } = await call('GET', '/v1/notes/7?limit=3', await issuer.headersFor('arno'));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: '7',
      query: { limit: 3 },
      principal: {
        subject: 'arno',
        kind: 'human',
        tenant: 'default',
        roles: ['analyst'],
        audience: 'countersign',
        clientId: 'countersign-cli',
      },
    });
  });

  it('needs a role with the permission', async () => {
    expect(
      problem(await call('POST', '/v1/notes', { ...json, ...(await issuer.headersFor('audrey')) }, '{}')),
    ).toMatchObject(
      like(403, 'permission_missing', undefined, 'audrey has the role auditor, which does not permit cases:write.'),
    );
  });

  it.each([
    ['expired', { exp: 1 }, 'it has expired; get a new one'],
    ['of another audience', { aud: 'else' }, 'it was issued for another audience than countersign'],
    ['of another issuer', { iss: 'https://example.org' }, 'it comes from another issuer'],
    ['without a tenant', { tenant: undefined }, "its claim 'tenant' is missing or no text of up to 200 characters"],
    ['of an unknown client', { azp: 'stranger' }, "client 'stranger' is not registered here"],
    ['without a client', { azp: undefined }, "its claim 'client_id' is missing"],
    ['of two clients', { client_id: 'countersign-console' }, 'azp and client_id name different clients'],
    ['without roles', { roles: undefined }, "it has no list 'roles'"],
  ])('is nobody with a token that is %s', async (_, claims, reason) => {
    const good = { sub: 'arno', aud: 'countersign', azp: 'countersign-cli', roles: ['analyst'] };
    const authorization = `Bearer ${await issuer.issuer.sign({ ...good, ...claims })}`;
    const { status, body } = await call('GET', '/v1/notes/7', { authorization });
    expect([status, body.code]).toEqual([401, 'token_invalid']);
    expect(body.detail).toContain(reason);
  });

  it('is never an agent where a decision is taken (invariant 5)', async () => {
    const decide = async (authorization: string) => call('POST', '/v1/decide', { ...json, authorization }, '{}');
    const asAgent = await issuer.headersFor('olivia', { clientId: 'countersign-agent' });
    expect(problem(await decide(asAgent.authorization))).toMatchObject(like(403, 'audience_refused'));
    const disguised = { sub: 'olivia', aud: 'countersign', roles: ['owner'], azp: 'countersign-agent' };
    expect(problem(await decide(`Bearer ${await issuer.issuer.sign(disguised)}`))).toMatchObject(
      like(403, 'principal_kind_refused'),
    );
    const acting = { ...disguised, azp: 'countersign-cli', act: { sub: 'helper' } };
    expect(problem(await decide(`Bearer ${await issuer.issuer.sign(acting)}`))).toMatchObject(
      like(403, 'principal_kind_refused'),
    );
    const asService = { ...disguised, azp: 'countersign-service' };
    expect(problem(await decide(`Bearer ${await issuer.issuer.sign(asService)}`))).toMatchObject(
      like(403, 'principal_kind_refused'),
    );
    expect((await decide((await issuer.headersFor('olivia')).authorization)).body).toEqual({ by: 'olivia' });
  });

  it('is the agent, on behalf of its human, elsewhere', async () => {
    const { body } = await call(
      'GET',
      '/v1/notes/7',
      await issuer.headersFor('ines', { clientId: 'countersign-agent' }),
    );
    expect(body.principal).toEqual({
      subject: 'countersign-agent',
      behalfOf: 'ines',
      kind: 'agent',
      tenant: 'default',
      roles: ['analyst'],
      audience: 'countersign-mcp',
      clientId: 'countersign-agent',
    });
  });

  it('is a source by its own token, under two schemes', async () => {
    const upload = (authorization: string) => call('POST', '/v1/upload', { authorization }, 'x');
    expect((await upload('Bearer cs_1')).body).toEqual({ bytes: 1, source: 'siem' });
    expect((await upload('Splunk cs_1')).body).toEqual({ bytes: 1, source: 'siem' });
    expect(problem(await upload('Splunk cs_2'))).toMatchObject(like(401, 'token_invalid'));
    expect(problem(await call('GET', '/v1/notes/1', { authorization: 'Splunk cs_1' }))).toMatchObject(
      like(401, 'token_invalid'),
    );
  });
});

describe('a bad request', () => {
  let analyst: Record<string, string>;
  beforeAll(async () => {
    analyst = { ...json, ...(await issuer.headersFor('arno')) };
  });

  it('names every field that is wrong', async () => {
    const { status, body, headers } = await call('POST', '/v1/notes', analyst, '{"tags":["toolong"],"more":1}');
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body).toMatchObject({
      code: 'invalid_field',
      field: 'text',
      errors: [
        { field: 'text', reason: 'is required' },
        { field: 'more', reason: 'is not part of the contract' },
        { field: 'tags[0]', reason: 'must have at most 5 characters' },
      ],
    });
    expect(problem(await call('POST', '/v1/notes', analyst, '{"text":"a","more":1}'))).toMatchObject(
      like(400, 'unknown_field', 'more', 'is not part of the contract'),
    );
    expect(problem(await call('GET', '/v1/notes/1?limit=none', analyst))).toMatchObject(
      like(400, 'invalid_field', 'limit', 'must be a whole number, but is a text'),
    );
  });

  it.each([
    ['malformed JSON', '{"text":}', 400, 'invalid_json', 'body'],
    ['an empty body', '', 400, 'invalid_json', 'body'],
    ['NUL in a text', '{"text":"a\\u0000b"}', 400, 'invalid_character', 'text'],
    ['a lone surrogate', '{"text":"a","tags":["\\ud800"]}', 400, 'invalid_character', 'tags[0]'],
    ['a poisoned prototype', '{"text":"a","__proto__":{}}', 400, 'invalid_field', 'body'],
    ['a list for an object', '[1]', 400, 'invalid_field', 'body'],
  ])('with %s says so', async (_, sent, status, code, field) => {
    expect(problem(await call('POST', '/v1/notes', analyst, sent))).toMatchObject(like(status, code, field));
  });

  it('with invalid UTF-8, another media type or an encoding says so', async () => {
    expect(problem(await call('POST', '/v1/notes', analyst, Buffer.from([0x22, 0xff, 0x22])))).toMatchObject(
      like(400, 'invalid_character', 'body'),
    );
    const form = { ...analyst, 'content-type': 'application/x-www-form-urlencoded' };
    expect(problem(await call('POST', '/v1/notes', form, 'text=a'))).toMatchObject(
      like(
        415,
        'unsupported_media_type',
        'content-type',
        "'application/x-www-form-urlencoded' is not taken here: send application/json.",
      ),
    );
    const zipped = { ...analyst, 'content-encoding': 'gzip' };
    expect(problem(await call('POST', '/v1/notes', zipped, gzipSync('{}')))).toMatchObject(
      like(415, 'unsupported_media_type', 'content-encoding'),
    );
  });

  it('of 20 MB gets its answer, and a raw body has no limit', async () => {
    const large = Buffer.alloc(20_000_000, 0x20);
    expect(problem(await call('POST', '/v1/notes', analyst, large))).toMatchObject(
      like(413, 'body_too_large', 'body', 'It is larger than 16 MiB, the limit here.'),
    );
    expect((await call('POST', '/v1/upload', { authorization: 'Bearer cs_1' }, large)).body.bytes).toBe(large.length);
  });

  it('to nowhere is not found', async () => {
    expect(problem(await call('GET', '/v1/nowhere'))).toMatchObject(like(404, 'not_found'));
    expect(problem(await call('DELETE', '/v1/notes', analyst))).toMatchObject(like(404, 'not_found'));
    expect(problem(await call('GET', '/v1/notes/%zz', analyst))).toMatchObject(like(400, 'invalid_field', 'path'));
  });

  it('keeps its code, and an error of our own tells nothing', async () => {
    expect(problem(await call('POST', '/v1/fail', analyst, '{"code":"conflict"}'))).toMatchObject(
      like(409, 'stream_conflict', 'version', 'Read it again.'),
    );
    const crash = await call('POST', '/v1/fail', analyst, '{"code":"crash"}');
    expect(problem(crash)).toMatchObject(like(500, 'internal'));
    expect(JSON.stringify(crash.body)).not.toContain('secret');
  });
});

it('answers every role at every endpoint as the table says', async () => {
  expect(await walkEndpoints({ issuer: issuer.issuer, urlOf: () => service.url, endpoints })).toEqual([]);
  const lax = endpoints.map((endpoint) => ({ ...endpoint, auth: 'public' }) as const);
  expect(await walkEndpoints({ issuer: issuer.issuer, urlOf: () => service.url, endpoints: lax })).not.toEqual([]);
});

describe('a trace', () => {
  it('is the one of the caller, or a new one', async () => {
    const headers = await issuer.headersFor('arno');
    const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { body } = await call('GET', '/v1/notes/1', { ...headers, traceparent: parent, 'x-correlation-id': 'c-1' });
    expect(body.trace.correlationId).toBe('c-1');
    expect(body.trace.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    expect(body.trace.traceparent).not.toBe(parent);
    const fresh = await call('GET', '/v1/notes/1', { ...headers, traceparent: 'garbage' });
    expect(fresh.body.trace.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(fresh.headers.get('x-correlation-id')).toBe(fresh.body.trace.correlationId);
  });
});

describe('operations', () => {
  it('tell health, readiness and metrics', async () => {
    expect((await call('GET', '/healthz')).body).toEqual({ status: 'ok', details: {} });
    const ready = await call('GET', '/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body.details).toMatchObject({ database: { status: 'up' }, bus: { status: 'up' } });
    const metrics = await call('GET', '/metrics');
    expect(metrics.body).toMatch(
      /countersign_http_request_duration_seconds_count{service="case",method="GET",route="\/readyz",status="200"} \d+/,
    );
    expect(metrics.body).toContain('countersign_visibility_lag_events{service="case"} 0');
    expect(metrics.body).toContain('process_cpu_seconds_total');
  });
});

describe('a service that is put together wrongly does not start', () => {
  it('when a route is not in the table, or a row of the table has no controller', async () => {
    const missing = { ...user, method: 'GET', path: '/v1/unserved', permission: 'cases:read' } as const;
    await expect(
      startService(definition, { env: environment(), endpoints: [...endpoints.slice(0, -1), missing], logger }),
    ).rejects.toMatchObject({
      code: 'invalid_configuration',
      errors: [
        { field: 'POST /v1/upload', reason: expect.stringContaining('not in the table') },
        { field: 'GET /v1/unserved', reason: expect.stringContaining('no controller') },
      ],
    });
  });

  it('when its login may not act as its role', async () => {
    const env = { ...environment(), LEDGER_URL: postgres.urlFor('ledger') };
    await expect(startService(definition, { env, endpoints, logger })).rejects.toMatchObject({
      code: 'invalid_configuration',
      field: 'LEDGER_URL',
      reason: expect.stringContaining('may not act as countersign_case'),
    });
  });

  it('when it is a superuser in production', async () => {
    const env = {
      ...environment(),
      COUNTERSIGN_PROFILE: 'production',
      LEDGER_URL: postgres.superuserUrl,
      OIDC_ISSUER: 'https://login.example.org',
      OIDC_CLIENTS: 'cli=human',
      COUNTERSIGN_ROOT_PUBLIC_KEY_FILE: '/etc/countersign/root.pem',
    };
    await expect(startService(definition, { env, endpoints, logger })).rejects.toMatchObject({
      reason: expect.stringContaining('superuser'),
    });
  });
});

it('stops while a request is under way, which still gets its answer', async () => {
  const other = await startService(definition, { env: environment(), endpoints, logger });
  const upload = request(`${other.url}/v1/upload`, { method: 'POST', headers: { authorization: 'Bearer cs_1' } });
  const received = new Promise<void>((resolve) => (uploading = resolve));
  const answer = once(upload, 'response');
  upload.write('half');
  await received;

  const before = Date.now();
  const stopped = other.stop();
  upload.end('rest');
  const [response] = await answer;
  expect(await text(response)).toContain('"bytes":8');
  await stopped;
  expect(Date.now() - before).toBeLessThan(10_000);
  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
});
