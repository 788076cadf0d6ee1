import { join } from 'node:path';
import { ENDPOINTS } from '#contracts/http/endpoints';
import { ROLES } from '#contracts/identity';
import { localToken } from '#libs/client';
import { LocalIssuer, walkEndpoints } from '#libs/service';
import { PATIENCE_MS, useRunningDemo } from './running-demo';

jest.setTimeout(2 * PATIENCE_MS);

const running = useRunningDemo();
/** What the gateway passes on or serves itself. */
const offered = ENDPOINTS.filter(({ local }) => local !== true);
let issuer: LocalIssuer;

beforeAll(async () => {
  const { url, data } = running.demo;
  issuer = await LocalIssuer.open('demo', url, join(data, 'keys', 'local-issuer.private.pem'));
});

const filled = (path: string): string =>
  path.replace(/:\w+/g, '0198c0de-0000-7000-8000-000000000001').replace('*', 'nothing');

async function ask(method: string, path: string, token?: string): Promise<{ status: number; code: unknown }> {
  const response = await fetch(`${running.demo.url}${filled(path)}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: method === 'GET' ? undefined : '{}',
  });
  const body: unknown = await response.json().catch(() => undefined);
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined;
  return { status: response.status, code };
}

describe('every endpoint through the gateway', () => {
  it('demands a token, and a role that permits it', async () => {
    expect(offered.length).toBeGreaterThan(40);
    expect(await walkEndpoints({ issuer, urlOf: () => running.demo.url, endpoints: offered })).toEqual([]);
  });

  it('that takes alerts knows sources only, whatever role a person has', async () => {
    const intake = offered.filter(({ auth }) => auth === 'source');
    expect(intake.map(({ path }) => path)).toContain('/v1/alerts');
    for (const { method, path, protocol } of intake) {
      // Splunk words it by a number: the authorization is not valid. Elasticsearch has no code, OTLP that of gRPC.
      const code = { 'splunk-hec': 3, 'elastic-bulk': undefined, otlp: 16, none: 'token_invalid' }[protocol ?? 'none'];
      for (const role of ROLES) {
        const token = await issuer.sign({ sub: 'walker', roles: [role], azp: 'countersign-cli', aud: 'countersign' });
        expect([path, role, await ask(method, path, token)]).toEqual([path, role, { status: 401, code }]);
      }
    }
  });

  it('on which a human decides refuses every kind of principal but a human', async () => {
    const decisions = offered.filter((endpoint) => endpoint.auth === 'user' && endpoint.decision === true);
    expect(decisions.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['/v1/approvals/:id/grant', '/v1/approvals/:id/deny', '/v1/approvals/:id/revoke']),
    );
    const { access_token: agent } = await localToken(running.demo.url, 'olivia', {
      clientId: 'countersign-agent',
      audience: 'countersign-mcp',
    });
    const claims = { sub: 'olivia', roles: ROLES, aud: 'countersign' };
    const acting = await issuer.sign({ ...claims, azp: 'countersign-cli', act: { sub: 'countersign-agent' } });
    for (const { method, path } of decisions) {
      expect([path, await ask(method, path, agent)]).toEqual([path, { status: 403, code: 'audience_refused' }]);
      expect([path, await ask(method, path, acting)]).toEqual([path, { status: 403, code: 'principal_kind_refused' }]);
    }
  });

  it('of MCP refuses what a person uses elsewhere', async () => {
    const { access_token: person } = await localToken(running.demo.url, 'olivia');
    expect(await ask('POST', '/mcp', person)).toEqual({ status: 403, code: 'audience_refused' });
    expect(await ask('POST', '/mcp')).toEqual({ status: 401, code: 'token_missing' });
  });

  it('refuses a token that has expired, of another issuer, or without a kind', async () => {
    const claims = { sub: 'olivia', roles: ['owner'], azp: 'countersign-cli', aud: 'countersign' };
    const expired = await issuer.sign(claims, -3_600);
    const stranger = await LocalIssuer.open('demo', running.demo.url);
    const forged = await stranger.sign(claims);
    const unknownClient = await issuer.sign({ ...claims, azp: 'nobody-registered-this' });
    for (const token of [expired, forged, unknownClient]) {
      expect((await ask('GET', '/v1/approvals', token)).status).toBeGreaterThanOrEqual(401);
      expect((await ask('GET', '/v1/approvals', token)).status).toBeLessThanOrEqual(403);
    }
    expect(await ask('GET', '/v1/approvals', expired)).toEqual({ status: 401, code: 'token_invalid' });
    expect(await ask('GET', '/v1/approvals', forged)).toEqual({ status: 401, code: 'token_invalid' });
  });

  it('that does not exist is a problem too', async () => {
    expect(await ask('GET', '/v1/nothing-here')).toEqual({ status: 404, code: 'not_found' });
  });
});

describe('health and metrics', () => {
  it('are not passed on to the outside', async () => {
    const local = ENDPOINTS.filter((endpoint) => endpoint.local === true && endpoint.service !== 'gateway');
    expect(new Set(local.map(({ path }) => path))).toEqual(new Set(['/healthz', '/readyz', '/metrics']));
  });
});
