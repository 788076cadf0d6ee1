import { createServer, type Server } from 'node:http';
import { LocalIssuer, type LocalTokenRequest } from './local-issuer';

/** The local issuer on a port of its own: for tests that start services without the gateway. */
export interface TestIssuer {
  /** For OIDC_ISSUER. */
  readonly url: string;
  readonly issuer: LocalIssuer;
  /** The headers of a request as a local account: `headersFor('olivia')`. */
  headersFor(subject: string, request?: Omit<LocalTokenRequest, 'subject'>): Promise<{ authorization: string }>;
  stop(): Promise<void>;
}

export async function startTestIssuer(): Promise<TestIssuer> {
  let issuer: LocalIssuer | undefined;
  const server = createServer((request, response) => {
    const document = request.url === '/.well-known/openid-configuration' ? issuer?.discovery() : issuer?.jwks();
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  const opened = (issuer = await LocalIssuer.open('development', url));
  return {
    url,
    issuer: opened,
    headersFor: async (subject, request = {}) => {
      const { access_token: token } = await opened.issue({ subject, ...request });
      return { authorization: `Bearer ${token}` };
    },
    stop: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
    });
  });
}
