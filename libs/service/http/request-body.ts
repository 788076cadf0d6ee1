import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { DomainError } from '#libs/kernel';

/** All bodies but those of endpoints with `rawBody`. */
export const BODY_LIMIT = 16 * 1024 * 1024;
/** How much of a body that is too large is still read away, so that its sender comes to read the answer. */
const DRAIN_LIMIT = 4 * BODY_LIMIT;
const DRAIN_MS = 5_000;
/** A body with a limit must also arrive in some time, or it would hold its connection for ever. */
const ARRIVAL_MS = 60_000;

/** One parser for every content type: what an endpoint takes stands in the table, not in a list of parsers. */
export function installBodyParser(fastify: FastifyInstance): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', async (request: FastifyRequest, payload: Readable) => {
    const { endpoint } = request.countersign;
    if (request.routeOptions.config.passesOn !== undefined) return payload;
    if (endpoint === undefined || endpoint.rawBody === true) return undefined;
    const type = mediaTypeOf(request, endpoint.consumes ?? ['application/json']);
    const bytes = await arriving(payload, readWithin(payload, Number(request.headers['content-length'])));
    if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(utf8(bytes)));
    if (!isJson(type)) return utf8(bytes);
    return new Promise((resolve, reject) => {
      const text = utf8(bytes);
      void parseJson(request, text, (error, body) => (error ? reject(invalidJson(text, error)) : resolve(body)));
    });
  });
}

export const isJson = (type: string): boolean => type === 'application/json' || type.endsWith('+json');

function mediaTypeOf(request: FastifyRequest, allowed: readonly string[]): string {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new DomainError('unsupported_media_type', {
      field: 'content-encoding',
      reason: `'${encoding}' is not taken here: send the body as it is.`,
    });
  }
  const header = request.headers['content-type'];
  const type = header?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined || !allowed.includes(type)) {
    throw new DomainError('unsupported_media_type', {
      field: 'content-type',
      reason: `${type ? `'${type}' is not taken here` : 'It is missing'}: send ${allowed.join(' or ')}.`,
    });
  }
  return type;
}

async function readWithin(payload: Readable, announced: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const until = Date.now() + DRAIN_MS;
  if (announced > DRAIN_LIMIT) throw tooLarge();
  for await (const chunk of payload as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= BODY_LIMIT) chunks.push(chunk);
    else if (length > DRAIN_LIMIT || Date.now() > until) break;
    else chunks.length = 0;
  }
  if (length > BODY_LIMIT) throw tooLarge();
  return Buffer.concat(chunks, length);
}

async function arriving(payload: Readable, reading: Promise<Buffer>): Promise<Buffer> {
  const timer = setTimeout(() => payload.destroy(), ARRIVAL_MS);
  try {
    return await reading;
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(): DomainError {
  return new DomainError('body_too_large', {
    field: 'body',
    reason: `It is larger than ${BODY_LIMIT / 1024 / 1024} MiB, the limit here.`,
  });
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DomainError('invalid_character', { field: 'body', reason: 'It is not valid UTF-8.', cause: error });
  }
}

function invalidJson(text: string, cause: unknown): DomainError {
  if (text.trim() === '') return new DomainError('invalid_json', { field: 'body', reason: 'It is empty.', cause });
  try {
    JSON.parse(text);
  } catch (error) {
    const where = error instanceof Error ? error.message.replace(/, ?".*" is not valid JSON$/s, '') : '';
    return new DomainError('invalid_json', { field: 'body', reason: `It cannot be read: ${where}.`, cause });
  }
  return new DomainError('invalid_field', {
    field: 'body',
    reason: "A key named '__proto__' or 'constructor' is refused.",
    cause,
  });
}
