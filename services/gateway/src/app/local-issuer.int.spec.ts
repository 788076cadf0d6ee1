import { join } from 'node:path';
import { endpointsOf } from '#contracts/http/endpoints';
import { newId } from '#libs/kernel';
import { createLogger, LocalIssuer, startService, walkEndpoints } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { useGateway } from '../gateway-harness';
import { service } from '../service';

const postgres = useMigratedPostgres(service);
const harness = useGateway(postgres);

describe('the local issuer', () => {
  it('gives tokens by form and by JSON, and says what there is', async () => {
    const answer = await fetch(`${harness.gateway.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'urn:countersign:params:oauth:grant-type:local', subject: 'olivia' }),
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse(await answer.text())).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
    const stranger = await fetch(`${harness.gateway.url}/oauth/token`, {
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
    const answer = await fetch(`${harness.gateway.url}/oauth/token`, {
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
      logger: createLogger('silent'),
      env: {
        ...harness.environment,
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
    const kept = join(harness.dataFolder, 'keys', 'local-issuer.private.pem');
    const again = await LocalIssuer.open('development', harness.gateway.url, kept);
    const token = await again.sign({
      sub: 'olivia',
      roles: ['owner'],
      azp: 'countersign-cli',
      aud: 'countersign',
    });
    const answer = await fetch(`${harness.approval.url}/v1/approvals/${newId()}/grant`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(400);
  });
});

it("answers every role at the gateway's own endpoints as the table says", async () => {
  const issuer = await LocalIssuer.open(
    'development',
    harness.gateway.context.settings.issuer,
    join(harness.dataFolder, 'keys', 'local-issuer.private.pem'),
  );
  const endpoints = endpointsOf('gateway');
  expect(await walkEndpoints({ issuer, urlOf: () => harness.gateway.url, endpoints })).toEqual([]);
});
