import { randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CallRecord, type RecordedCall } from './call-record';

export interface TargetReply {
  readonly status: number;
  readonly body: unknown;
}

export interface TargetRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** One kind of outside system: what it answers. `undefined` is 404. */
export interface TargetDefinition {
  readonly name: string;
  /** Whether a second call with the same idempotency key does nothing and gets the first answer. */
  readonly honoursIdempotencyKeys: boolean;
  reply(request: TargetRequest, earlier: readonly RecordedCall[]): TargetReply | undefined;
}

export interface TargetServer {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

export interface TargetOptions {
  /** Where the record of calls is kept. */
  readonly folder: string;
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The bearer token that callers must present. */
  readonly token: string;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** A real HTTP server on loopback that does what a small outside system does, and remembers what it was asked. */
export async function startTarget(definition: TargetDefinition, options: TargetOptions): Promise<TargetServer> {
  const record = new CallRecord(join(options.folder, `${definition.name}.ndjson`));
  const server = createServer((request, response) => {
    answer(definition, record, options.token, request).then(
      (reply) => send(response, reply),
      (error: unknown) => send(response, { status: 400, body: { error: String(error) } }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  // A server that listens on a host and port has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  return { name: definition.name, url: `http://127.0.0.1:${port}`, stop: () => stop(server) };
}

async function answer(
  definition: TargetDefinition,
  record: CallRecord,
  token: string,
  request: IncomingMessage,
): Promise<TargetReply> {
  const url = new URL(request.url ?? '/', 'http://target');
  const method = request.method ?? 'GET';
  if (method === 'GET' && url.pathname === '/_record') return { status: 200, body: summary(record) };
  if (!sameText(request.headers.authorization ?? '', `Bearer ${token}`)) {
    return { status: 401, body: { error: 'a bearer token is required' } };
  }
  const body = await readBody(request);
  const idempotencyKey = header(request, 'idempotency-key');
  const seen = { time: new Date().toISOString(), method, path: url.pathname + url.search, body, idempotencyKey };
  const traceparent = header(request, 'traceparent');
  const first = definition.honoursIdempotencyKeys && idempotencyKey ? record.firstWith(idempotencyKey) : undefined;
  const reply = first
    ? { status: first.status, body: first.answer }
    : (definition.reply({ method, path: url.pathname, query: url.searchParams, body }, record.all()) ?? {
        status: 404,
        body: { error: `${definition.name} has no ${method} ${url.pathname}` },
      });
  record.add({ ...seen, traceparent, repeated: first !== undefined, status: reply.status, answer: reply.body });
  return reply;
}

/** `effects` counts what was done; `calls` also what was asked again under the same key. */
function summary(record: CallRecord) {
  const calls = record.all();
  const effects = calls.filter((call) => !call.repeated && call.status < 300).length;
  return { calls: calls.length, effects, entries: calls };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw new Error(`the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(bytes);
  }
  return size === 0 ? null : JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function send(response: ServerResponse, { status, body }: TargetReply): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': randomUUID() });
  response.end(JSON.stringify(body));
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
