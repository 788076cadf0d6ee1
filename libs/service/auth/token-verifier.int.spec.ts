import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { LOCAL_CLIENTS } from '../config';
import { LocalIssuer } from './local-issuer';
import { TokenVerifier } from './token-verifier';

const clients = new Map(Object.entries(LOCAL_CLIENTS));
const claims = { sub: 'arno', aud: 'countersign', azp: 'countersign-cli', roles: ['analyst', 'stranger', 'source'] };

describe('the keys of the issuer', () => {
  let server: Server;
  let url: string;
  /** Whose keys are served now; null: the issuer is out of order. */
  let serving: LocalIssuer | null;
  let fetches: number;

  beforeEach(async () => {
    serving = null;
    fetches = 0;
    server = createServer((request, response) => {
      fetches += 1;
      if (serving === null) return response.writeHead(500).end();
      return response.end(JSON.stringify(request.url?.includes('openid') ? serving.discovery() : serving.jwks()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('are fetched once, and again for a key that is not among them', async () => {
    const first = await LocalIssuer.open('demo', url);
    serving = first;
    const verifier = new TokenVerifier(url, clients);
    for (let i = 0; i < 3; i += 1) await verifier.verify(await first.sign(claims));
    expect(fetches).toBe(2);

    const second = await LocalIssuer.open('demo', url);
    serving = second;
    const token = await second.sign(claims);
    // Unknown keys make it ask at most once a second: whoever sends nonsense does not reach the issuer by it.
    const until = Date.now() + 10_000;
    let outcome: unknown;
    do outcome = await verifier.verify(token).catch((error: unknown) => error);
    while (outcome instanceof Error && Date.now() < until);
    expect(outcome).toMatchObject({ subject: 'arno' });
    await expect(verifier.verify(await first.sign(claims))).rejects.toMatchObject({ code: 'token_invalid' });
  });

  it('that cannot be had are no fault of the token', async () => {
    const issuer = await LocalIssuer.open('demo', url);
    const verifier = new TokenVerifier(url, clients);
    const token = await issuer.sign(claims);
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'service_unavailable' });
    serving = issuer;
    expect(await verifier.verify(token)).toEqual({
      subject: 'arno',
      kind: 'human',
      tenant: 'default',
      roles: ['analyst'],
      audience: 'countersign',
      clientId: 'countersign-cli',
    });
  });

  it("do not vouch for another issuer's signature, nor for a token without one", async () => {
    const issuer = await LocalIssuer.open('demo', url);
    const forger = await LocalIssuer.open('demo', url);
    serving = issuer;
    const verifier = new TokenVerifier(url, clients);
    const [header, , signature] = (await issuer.sign(claims)).split('.');
    const [, payload] = (await forger.sign({ ...claims, roles: ['owner'] })).split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    for (const token of [`${header}.${payload}.${signature}`, await forger.sign(claims), unsigned]) {
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_invalid' });
    }
  });
});
