import { request, type ClientRequest, type IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { useIngestService } from './ingest-service.fixture';

const ingest = useIngestService({ INGEST_BODY_MEMORY_MB: '16' });
let token: string;

beforeAll(async () => {
  ({ token } = await ingest().register('pressing'));
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly code?: string | number; readonly accepted?: number };
}

function open(path: string, contentType: string): { readonly client: ClientRequest; readonly answer: Promise<Answer> } {
  const scheme = path.startsWith('/services') ? 'Splunk' : 'Bearer';
  const headers = { authorization: `${scheme} ${token}`, 'content-type': contentType };
  const client = request(`${ingest().service.url}${path}`, { method: 'POST', headers });
  const answer = new Promise<Answer>((resolve, reject) => {
    client.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: JSON.parse(text) }),
      );
    });
  });
  return { client, answer };
}

const alert = (id: string, bytes = 0) =>
  JSON.stringify({ event_id: id, search_name: 'S', ...(bytes > 0 && { padding: 'x'.repeat(bytes) }) });

describe('bodies that arrive at the same time', () => {
  it('are refused beyond what may be held in memory, whichever way they come, and the others go on', async () => {
    const slow = open('/v1/alerts', 'application/json');
    // Most of what may be held is held for a sender who pauses.
    const sockets: Socket[] = [];
    ingest()
      .service.app.getHttpServer()
      .on('connection', (socket: Socket) => sockets.push(socket));
    slow.client.write(`[${alert('slow', 7_000_000)},${alert('slow-2', 7_000_000)}`);
    while (!sockets.some(({ bytesRead }) => bytesRead > 14_000_000)) await wait(10);
    const ways: [string, string, string][] = [
      ['/v1/alerts', 'application/json', alert('a', 5_000_000)],
      ['/v1/alerts', 'application/x-ndjson', alert('b', 5_000_000)],
      ['/services/collector/event', 'application/json', `{"event":${alert('c', 5_000_000)}}`],
    ];
    for (const [path, type, body] of ways) {
      const { client, answer } = open(path, type);
      client.end(body);
      const { status, headers, body: answered } = await answer;
      expect([path, status, answered.code]).toEqual([path, 503, path === '/v1/alerts' ? 'service_unavailable' : 9]);
      expect(headers['retry-after']).toBe('1');
    }
    const small = open('/v1/alerts', 'application/json');
    small.client.end(alert('small'));
    expect(await small.answer).toMatchObject({ status: 202 });
    slow.client.end(']');
    expect(await slow.answer).toMatchObject({ status: 202, body: { accepted: 2 } });
    const after = open('/v1/alerts', 'application/json');
    after.client.end(alert('a', 5_000_000));
    expect(await after.answer).toMatchObject({ status: 202 });
  });
});
