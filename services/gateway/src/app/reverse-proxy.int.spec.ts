import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { newId } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { useGateway } from '../gateway-harness';
import { service } from '../service';

const postgres = useMigratedPostgres(service);
const harness = useGateway(postgres);

describe('the reverse proxy', () => {
  it('passes a request and its answer on as they are, with the trace of the request', async () => {
    let seen: IncomingMessage | undefined;
    harness.answerAsCase = (incoming, response) => {
      seen = incoming;
      response.writeHead(418, { 'content-type': 'application/problem+json', 'x-own': 'yes' }).end('{"code":"x"}');
    };
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const answer = await fetch(`${harness.gateway.url}/v1/cases?q=a%20b&limit=2`, {
      headers: { authorization: 'Bearer whatever', traceparent, 'x-correlation-id': 'mine' },
    });
    expect([answer.status, answer.headers.get('x-own'), await answer.text()]).toEqual([418, 'yes', '{"code":"x"}']);
    expect(seen?.url).toBe('/v1/cases?q=a%20b&limit=2');
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer whatever', 'x-correlation-id': 'mine' });
    expect(seen?.headers.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
  });

  it('streams both ways: the service reads the first part before the client has sent the second', async () => {
    harness.answerAsCase = (incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      incoming.on('data', (chunk: Buffer) => response.write(`got ${chunk.length};`));
      incoming.on('end', () => response.end('end'));
    };
    const upload = request(`${harness.gateway.url}/v1/cases`.replace('/v1/cases', `/v1/cases/${newId()}/notes`), {
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
    const down = await fetch(`${harness.gateway.url}/v1/connections`);
    expect(down.status).toBe(503);
    expect(down.headers.get('content-type')).toContain('application/problem+json');
    expect(JSON.parse(await down.text())).toMatchObject({
      code: 'service_unavailable',
      detail: 'The service connector cannot be reached. Try again.',
    });
    const back = createServer((_, response) => response.end('{"items":[]}'));
    back.listen(Number(new URL(harness.environment.CONNECTOR_URL ?? '').port), '127.0.0.1');
    await once(back, 'listening');
    try {
      expect((await fetch(`${harness.gateway.url}/v1/connections`)).status).toBe(200);
    } finally {
      back.closeAllConnections();
      back.close();
    }
  });

  it('brings the answer back to a body that is too large, and to one that nobody may send', async () => {
    const large = Buffer.alloc(20_000_000, 0x20);
    const send = async (headers: Record<string, string>) => {
      const answer = await fetch(`${harness.gateway.url}/v1/approvals/${newId()}/grant`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: large,
      });
      return JSON.parse(await answer.text());
    };
    expect(await send(await harness.as('olivia'))).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(await send({})).toMatchObject({ status: 401, code: 'token_missing' });
  });

  it('says that a service does not answer in time', async () => {
    harness.answerAsCase = () => undefined;
    const late = await fetch(`${harness.gateway.url}/v1/cases`);
    expect(late.status).toBe(503);
    expect(JSON.parse(await late.text()).detail).toContain('did not answer in time');
  });

  it('cuts the answer of a service that is killed in the middle of it', async () => {
    harness.answerAsCase = (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    const answer = await fetch(`${harness.gateway.url}/v1/cases`);
    await expect(answer.text()).rejects.toThrow();
    harness.answerAsCase = (_, response) => response.destroy();
    expect((await fetch(`${harness.gateway.url}/v1/cases`)).status).toBe(503);
    harness.answerAsCase = (_, response) => response.end('{"items":[]}');
    expect((await fetch(`${harness.gateway.url}/v1/cases`)).status).toBe(200);
  });

  it('knows the endpoints of the table and no others', async () => {
    const answer = await fetch(`${harness.gateway.url}/v1/cases/1/2/3/4`);
    expect([answer.status, JSON.parse(await answer.text()).code]).toEqual([404, 'not_found']);
  });
});
