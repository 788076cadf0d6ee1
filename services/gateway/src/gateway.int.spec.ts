import { Body, Controller, HttpCode, Module, Param, Post } from '@nestjs/common';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import Type from 'typebox';
import { endpointsOf } from '#contracts/http/endpoints';
import { MCP_TOOLS } from '#contracts/mcp';
import type { Principal } from '#contracts/identity';
import { NO_STREAM } from '#libs/event-store';
import { newId } from '#libs/kernel';
import {
  createLogger,
  CurrentPrincipal,
  defineService,
  LocalIssuer,
  startService,
  walkEndpoints,
  type RunningService,
} from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#libs/local';
import { service } from './service';

const postgres = useMigratedPostgres(service);
const logger = createLogger('silent');
const dataFolder = mkdtempSync(join(tmpdir(), 'gateway-'));

/** What the upstream `case` does with a request; each test sets its own. */
let answerAsCase: RequestListener = (_, response) => response.end();
let cases: Server;
let approval: RunningService;
let gateway: RunningService;
let environment: Record<string, string>;

@Controller()
class DecisionController {
  @Post('/v1/approvals/:id/grant')
  @HttpCode(200)
  grant(@Param('id') id: string, @Body() _: unknown, @CurrentPrincipal() { subject }: Principal) {
    return { id, by: subject };
  }
}
@Module({ controllers: [DecisionController] })
class DecisionModule {}

const decisions = defineService({
  name: 'approval',
  port: 0,
  config: Type.Object({}),
  entities: [],
  migrations: [],
  projections: () => [],
  module: () => ({ module: DecisionModule }),
});

beforeAll(async () => {
  cases = createServer((incoming, response) => answerAsCase(incoming, response));
  cases.listen(0, '127.0.0.1');
  await once(cases, 'listening');
  const gatewayPort = await freePort();
  environment = {
    COUNTERSIGN_PROFILE: 'development',
    COUNTERSIGN_DATA: dataFolder,
    LEDGER_URL: postgres.appUrl,
    GATEWAY_PORT: String(gatewayPort),
    APPROVAL_PORT: '0',
    CASE_URL: `http://127.0.0.1:${portOf(cases)}`,
    CONNECTOR_URL: `http://127.0.0.1:${await freePort()}`,
    GATEWAY_UPSTREAM_TIMEOUT_MS: '1000',
  };
  const grant = endpointsOf('approval').filter(({ path, local }) => local || path === '/v1/approvals/:id/grant');
  approval = await startService(decisions, { env: environment, logger, endpoints: grant });
  gateway = await startService(service, { env: { ...environment, APPROVAL_URL: approval.url }, logger });
});
afterAll(async () => {
  await gateway.stop();
  await approval.stop();
  cases.closeAllConnections();
  cases.close();
  rmSync(dataFolder, { recursive: true });
});

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function tokenFor(subject: string, more: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(`${gateway.url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'urn:countersign:params:oauth:grant-type:local', subject, ...more }),
  });
  const { access_token: token }: { access_token: string } = JSON.parse(await answer.text());
  return token;
}

const as = async (subject: string, more?: Record<string, string>) => ({
  authorization: `Bearer ${await tokenFor(subject, more)}`,
});

describe('the reverse proxy', () => {
  it('passes a request and its answer on as they are, with the trace of the request', async () => {
    let seen: IncomingMessage | undefined;
    answerAsCase = (incoming, response) => {
      seen = incoming;
      response.writeHead(418, { 'content-type': 'application/problem+json', 'x-own': 'yes' }).end('{"code":"x"}');
    };
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const answer = await fetch(`${gateway.url}/v1/cases?q=a%20b&limit=2`, {
      headers: { authorization: 'Bearer whatever', traceparent, 'x-correlation-id': 'mine' },
    });
    expect([answer.status, answer.headers.get('x-own'), await answer.text()]).toEqual([418, 'yes', '{"code":"x"}']);
    expect(seen?.url).toBe('/v1/cases?q=a%20b&limit=2');
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer whatever', 'x-correlation-id': 'mine' });
    expect(seen?.headers.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
  });

  it('streams both ways: the service reads the first part before the client has sent the second', async () => {
    answerAsCase = (incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      incoming.on('data', (chunk: Buffer) => response.write(`got ${chunk.length};`));
      incoming.on('end', () => response.end('end'));
    };
    const upload = request(`${gateway.url}/v1/cases`.replace('/v1/cases', `/v1/cases/${newId()}/notes`), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    });
    upload.write('first');
    const [response]: [IncomingMessage] = (await once(upload, 'response')) as [IncomingMessage];
    const [chunk] = await once(response, 'data');
    expect(String(chunk)).toBe('got 5;');
    upload.end('second part');
    expect(await text(response)).toBe('got 11;end');
  });

  it('says that a service is down, and goes on when it is back', async () => {
    const down = await fetch(`${gateway.url}/v1/connections`);
    expect(down.status).toBe(503);
    expect(down.headers.get('content-type')).toContain('application/problem+json');
    expect(JSON.parse(await down.text())).toMatchObject({
      code: 'service_unavailable',
      detail: 'The service connector cannot be reached. Try again.',
    });
    const back = createServer((_, response) => response.end('{"items":[]}'));
    back.listen(Number(new URL(environment.CONNECTOR_URL ?? '').port), '127.0.0.1');
    await once(back, 'listening');
    try {
      expect((await fetch(`${gateway.url}/v1/connections`)).status).toBe(200);
    } finally {
      back.closeAllConnections();
      back.close();
    }
  });

  it('brings the answer back to a body that is too large, and to one that nobody may send', async () => {
    const large = Buffer.alloc(20_000_000, 0x20);
    const send = async (headers: Record<string, string>) => {
      const answer = await fetch(`${gateway.url}/v1/approvals/${newId()}/grant`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: large,
      });
      return JSON.parse(await answer.text());
    };
    expect(await send(await as('olivia'))).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(await send({})).toMatchObject({ status: 401, code: 'token_missing' });
  });

  it('says that a service does not answer in time', async () => {
    answerAsCase = () => undefined;
    const late = await fetch(`${gateway.url}/v1/cases`);
    expect(late.status).toBe(503);
    expect(JSON.parse(await late.text()).detail).toContain('did not answer in time');
  });

  it('cuts the answer of a service that is killed in the middle of it', async () => {
    answerAsCase = (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    const answer = await fetch(`${gateway.url}/v1/cases`);
    await expect(answer.text()).rejects.toThrow();
    answerAsCase = (_, response) => response.destroy();
    expect((await fetch(`${gateway.url}/v1/cases`)).status).toBe(503);
    answerAsCase = (_, response) => response.end('{"items":[]}');
    expect((await fetch(`${gateway.url}/v1/cases`)).status).toBe(200);
  });

  it('knows the endpoints of the table and no others', async () => {
    const answer = await fetch(`${gateway.url}/v1/cases/1/2/3/4`);
    expect([answer.status, JSON.parse(await answer.text()).code]).toEqual([404, 'not_found']);
  });
});

describe('the local issuer', () => {
  it('gives tokens by form and by JSON, and says what there is', async () => {
    const answer = await fetch(`${gateway.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'urn:countersign:params:oauth:grant-type:local', subject: 'olivia' }),
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse(await answer.text())).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
    const stranger = await fetch(`${gateway.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'urn:countersign:params:oauth:grant-type:local', subject: 'mallory' }),
    });
    expect(JSON.parse(await stranger.text())).toMatchObject({
      code: 'invalid_field',
      field: 'subject',
      detail: expect.stringContaining('there are ines, adam, olivia'),
    });
  });

  it('gives an agent nothing but tokens for MCP', async () => {
    const answer = await fetch(`${gateway.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        grant_type: 'urn:countersign:params:oauth:grant-type:local',
        subject: 'ines',
        client_id: 'countersign-agent',
        audience: 'countersign',
      }),
    });
    expect(JSON.parse(await answer.text())).toMatchObject({ code: 'invalid_field', field: 'audience' });
  });

  it('does not exist in production', async () => {
    await expect(LocalIssuer.open('production', 'http://127.0.0.1:1')).rejects.toMatchObject({
      code: 'invalid_configuration',
    });
    const production = await startService(service, {
      logger,
      env: {
        ...environment,
        COUNTERSIGN_PROFILE: 'production',
        GATEWAY_PORT: '0',
        LEDGER_URL: postgres.urlFor('gateway'),
        OIDC_ISSUER: 'https://login.example.org',
        OIDC_CLIENTS: 'console=human',
        COUNTERSIGN_ROOT_PUBLIC_KEY_FILE: '/etc/countersign/root.pem',
        GATEWAY_PUBLIC_URL: 'https://soc.example.org',
      },
    });
    try {
      expect((await fetch(`${production.url}/.well-known/jwks.json`)).status).toBe(404);
      const body = new URLSearchParams({
        grant_type: 'urn:countersign:params:oauth:grant-type:local',
        subject: 'olivia',
      });
      expect((await fetch(`${production.url}/oauth/token`, { method: 'POST', body })).status).toBe(404);
      expect(await (await fetch(production.url)).text()).not.toContain('olivia');
    } finally {
      await production.stop();
    }
  });

  it('gives tokens that outlive its own restart', async () => {
    const kept = join(dataFolder, 'keys', 'local-issuer.private.pem');
    const again = await LocalIssuer.open('development', gateway.url, kept);
    const token = await again.sign({
      sub: 'olivia',
      roles: ['owner'],
      azp: 'countersign-cli',
      aud: 'countersign',
    });
    const answer = await fetch(`${approval.url}/v1/approvals/${newId()}/grant`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(400);
  });
});

describe('the documentation', () => {
  it('is one page with all endpoints and nothing from outside', async () => {
    const answer = await fetch(`${gateway.url}/docs`);
    const page = await answer.text();
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const part of ['/v1/cases/{id}', 'problem-token_missing', 'humans only', 'id="schema-CaseView"']) {
      expect(page).toContain(part);
    }
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('is an OpenAPI document and JSON Schemas', async () => {
    expect(JSON.parse(await (await fetch(`${gateway.url}/openapi.json`)).text())).toMatchObject({ openapi: '3.1.0' });
    const { items }: { items: string[] } = JSON.parse(await (await fetch(`${gateway.url}/schemas`)).text());
    expect(items).toContain('/schemas/events/case/CaseOpened.v1.json');
    const schema = await fetch(`${gateway.url}/schemas/events/case/CaseOpened.v1.json`);
    expect(JSON.parse(await schema.text())).toMatchObject({ title: 'CaseOpened', type: 'object' });
    expect((await fetch(`${gateway.url}/schemas/../package.json`)).status).toBe(404);
  });
});

describe('the live stream', () => {
  const append = async (tenant: string, type: string) => {
    const stream = `case-${newId()}`;
    const caseStore = approval.context.store;
    const result = await caseStore.append([
      {
        category: 'approval',
        stream: stream.replace('case-', 'approval-'),
        tenant,
        expected: NO_STREAM,
        events: [
          {
            id: newId(),
            type,
            schemaVersion: 1,
            time: new Date().toISOString(),
            actor: { kind: 'service', id: 'approval' },
            data: {},
            meta: { correlationId: 'c' },
          },
        ],
      },
    ]);
    expect(result.status).toBe('appended');
  };

  it("carries the principal's tenant from now on, and resumes after what was seen", async () => {
    await append('default', 'BeforeIt');
    const headers = await as('arno');
    const stopping = new AbortController();
    const first = await fetch(`${gateway.url}/v1/live`, { headers, signal: stopping.signal });
    expect(first.headers.get('content-type')).toContain('text/event-stream');
    await append('other', 'OfSomebodyElse');
    await append('default', 'FirstSeen');
    const seen = await readUntil(first, 'event: FirstSeen');
    expect(seen).not.toContain('BeforeIt');
    expect(seen).not.toContain('OfSomebodyElse');
    stopping.abort();
    await append('default', 'WhileAway');
    const lastId = [...seen.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? '';
    const again = new AbortController();
    const second = await fetch(`${gateway.url}/v1/live?categories=approval,case`, {
      headers: { ...headers, 'last-event-id': lastId },
      signal: again.signal,
    });
    expect(await readUntil(second, 'event: WhileAway')).not.toContain('event: FirstSeen');
    again.abort();
  });

  it('refuses a cursor that is none, and categories that it does not carry', async () => {
    const headers = await as('arno');
    const wrong = await fetch(`${gateway.url}/v1/live?cursor=nonsense`, { headers });
    expect(JSON.parse(await wrong.text())).toMatchObject({ status: 400, code: 'invalid_cursor' });
    const policy = await fetch(`${gateway.url}/v1/live?categories=policy`, { headers });
    expect(JSON.parse(await policy.text())).toMatchObject({ status: 400, field: 'categories' });
  });

  async function readUntil(response: Response, wanted: string): Promise<string> {
    let all = '';
    const reader = response.body?.getReader();
    while (reader !== undefined && !all.includes(wanted)) {
      const { value, done } = await reader.read();
      if (done) break;
      all += Buffer.from(value).toString();
      if (all.includes(wanted) && !all.endsWith('\n\n')) continue;
    }
    return all;
  }
});

describe('MCP', () => {
  const clients: Client[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  async function connect(headers: Record<string, string>): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers } }),
    );
    clients.push(client);
    return client;
  }
  const agent = () => as('ines', { client_id: 'countersign-agent' });

  it('lists tools of which none decides anything', async () => {
    const { tools } = await (await connect(await agent())).listTools();
    expect(tools.map(({ name }) => name)).toEqual(MCP_TOOLS.map(({ name }) => name));
    expect(tools.filter(({ annotations }) => annotations?.readOnlyHint !== true).map(({ name }) => name)).toEqual([
      'draft_playbook',
    ]);
    for (const { name } of tools) expect(name).not.toMatch(/activate|grant|deny|approve|retire/);
  });

  it('calls the service as the user who asked, and gives its answer or its problem to the model', async () => {
    const seen: { url?: string; authorization?: string }[] = [];
    answerAsCase = (incoming, response) => {
      seen.push({ url: incoming.url, authorization: incoming.headers.authorization });
      response.statusCode = incoming.url?.startsWith('/v1/cases?') ? 200 : 404;
      response.end('{"items":[],"code":"not_found"}');
    };
    const headers = await agent();
    const client = await connect(headers);
    const listed = await client.callTool({ name: 'list_cases', arguments: { q: 'mail ex', limit: 5 } });
    expect(listed).toMatchObject({
      isError: false,
      content: [{ type: 'text', text: expect.stringContaining('items') }],
    });
    expect(seen.at(-1)?.url).toBe('/v1/cases?q=mail+ex&limit=5');
    const id = newId();
    expect(await client.callTool({ name: 'get_case', arguments: { id } })).toMatchObject({ isError: true });
    expect(seen.at(-1)).toEqual({ url: `/v1/cases/${id}`, authorization: headers.authorization });
    const wrong = await client.callTool({ name: 'get_case', arguments: { id: '../../v1/approvals' } });
    expect(JSON.stringify(wrong)).toContain('must be a UUID');
    await expect(client.callTool({ name: 'grant_approval', arguments: {} })).rejects.toThrow('There is no tool');
  });

  it('takes tokens of its own audience alone', async () => {
    await expect(connect(await as('ines'))).rejects.toThrow('audience_refused');
    await expect(connect({})).rejects.toThrow('token_missing');
  });

  it("is no way to a decision: an agent's token is refused where people decide (invariant 5)", async () => {
    const grant = async (headers: { authorization: string }) => {
      const answer = await fetch(`${gateway.url}/v1/approvals/${newId()}/grant`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ digest: '0'.repeat(64), comment: 'seen' }),
      });
      return { status: answer.status, body: JSON.parse(await answer.text()) };
    };
    expect(await grant(await agent())).toMatchObject({ status: 403, body: { code: 'audience_refused' } });
    expect(await grant(await as('olivia', { client_id: 'countersign-agent' }))).toMatchObject({ status: 403 });
    expect(await grant(await as('olivia'))).toMatchObject({ status: 200, body: { by: 'olivia' } });
  });

  it('refuses a host or an origin that is not its own, and other methods', async () => {
    const headers = { ...(await agent()), 'content-type': 'application/json' };
    const foreign = await fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: { ...headers, origin: 'https://evil.example' },
      body: '{}',
    });
    expect(JSON.parse(await foreign.text())).toMatchObject({ status: 400, field: 'origin' });
    const rebound = request(`${gateway.url}/mcp`, { method: 'POST', headers: { ...headers, host: 'evil.example' } });
    rebound.end('{}');
    const [response]: [IncomingMessage] = (await once(rebound, 'response')) as [IncomingMessage];
    expect(JSON.parse(await text(response))).toMatchObject({ status: 400, field: 'host' });
    expect((await fetch(`${gateway.url}/mcp`, { headers })).status).toBe(405);
  });
});

it("answers every role at the gateway's own endpoints as the table says", async () => {
  const issuer = await LocalIssuer.open(
    'development',
    gateway.context.settings.issuer,
    join(dataFolder, 'keys', 'local-issuer.private.pem'),
  );
  const endpoints = endpointsOf('gateway');
  expect(await walkEndpoints({ issuer, urlOf: () => gateway.url, endpoints })).toEqual([]);
});
