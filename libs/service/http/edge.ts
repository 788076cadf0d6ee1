import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ServiceName } from '#contracts/envelope';
import type { Endpoint } from '#contracts/http/endpoint';
import { NO_TELEMETRY, type RequestSpan, type Telemetry } from '#libs/telemetry';
import { DomainError, findUnstorableText, isStorableText, newId, type JsonValue } from '#libs/kernel';
import { admit } from '../auth/gatekeeper';
import type { SourceTokenVerifier } from '../auth/source-token-verifier';
import type { TokenVerifier } from '../auth/token-verifier';
import { demandValid } from '../contract-validator';
import type { ServiceMetrics } from '../metrics';
import type { EndpointTable } from './endpoint-table';
import { installBodyParser, isJson } from './request-body';

export interface EdgeOptions {
  readonly service: ServiceName;
  readonly table: EndpointTable;
  readonly users: TokenVerifier;
  readonly sources: () => SourceTokenVerifier;
  readonly metrics: ServiceMetrics;
  readonly telemetry: Telemetry;
  readonly stopping: AbortSignal;
}

const CORRELATION_ID = /^[\w.:-]{1,100}$/;

/**
 * What happens to every request before its controller, by the endpoint's row in the table: a trace, who it is and what
 * it may (before a byte of the body is read), the body's form, then every field. Errors go to the ProblemFilter.
 */
export function installEdge(fastify: FastifyInstance, options: EdgeOptions): void {
  const { table } = options;
  const spans = new WeakMap<FastifyRequest, { span: RequestSpan; stop: (route: string, status: number) => void }>();

  fastify.addHook('onRoute', (route) => {
    if (route.config?.passesOn === undefined) table.addRoute(route.method, route.url);
  });
  fastify.decorateRequest('countersign');
  installBodyParser(fastify);

  fastify.addHook('onRequest', async (request, reply) => {
    const endpoint = table.find(request.method, request.routeOptions.url);
    const span = seen(request, options.telemetry);
    const given = request.headers['x-correlation-id'];
    const correlationId = typeof given === 'string' && CORRELATION_ID.test(given) ? given : newId();
    spans.set(request, { span, stop: options.metrics.startRequest(request.method) });
    request.countersign = { endpoint, trace: { correlationId, traceparent: span.traceparent } };
    reply.header('x-correlation-id', correlationId);
    if (request.is404 || endpoint === undefined) return;
    request.countersign.principal = await admit(endpoint, request, options);
  });

  fastify.addHook('preValidation', async (request) => {
    const { endpoint } = request.countersign;
    if (endpoint !== undefined && !request.is404) demandRequest(endpoint, request);
  });

  fastify.addHook('onSend', async (_, reply) => {
    // What somebody has uploaded must never be taken for a page of ours.
    reply.header('x-content-type-options', 'nosniff');
    // A connection that falls idle only after the server has begun to close would hold it up for its keep-alive.
    if (options.stopping.aborted) reply.header('connection', 'close');
  });

  fastify.addHook('onResponse', async (request, reply) => {
    const started = spans.get(request);
    if (started === undefined) return;
    const route = routeOf(request);
    started.stop(route, reply.statusCode);
    started.span.end({ 'http.response.status_code': reply.statusCode }, reply.statusCode >= 500);
  });
}

/** What is asked every few seconds by a supervisor or a collector is nobody's trace. */
const UNSEEN = new Set(['/healthz', '/readyz', '/metrics']);

function seen(request: FastifyRequest, telemetry: Telemetry): RequestSpan {
  const route = routeOf(request);
  const { method, headers } = request;
  const watching = UNSEEN.has(route) ? NO_TELEMETRY : telemetry;
  // Fastify joins a header that comes twice into one text, which is no traceparent.
  const incoming = typeof headers.traceparent === 'string' ? headers.traceparent : undefined;
  return watching.request(`${method} ${route}`, incoming, { 'http.request.method': method, 'http.route': route });
}

/** Never the path itself: ids would make a metric of their own each. */
function routeOf(request: FastifyRequest): string {
  return request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
}

function demandRequest(endpoint: Endpoint, request: FastifyRequest): void {
  demandStorable(request.params, 'path');
  demandStorable(request.query, 'query');
  if (endpoint.params !== undefined) demandValid(endpoint.params, request.params, 'path', 'coerced');
  if (endpoint.query !== undefined) demandValid(endpoint.query, request.query, 'query', 'coerced');
  if (endpoint.rawBody === true || endpoint.body === undefined) return;
  if (request.body === undefined) {
    // Only a request without any body comes here: the parser has refused the others.
    throw new DomainError('invalid_json', { field: 'body', reason: 'It is missing: send a JSON document.' });
  }
  demandStorable(request.body, 'body');
  if (isParsed(request)) demandValid(endpoint.body, request.body, 'body');
}

/** A body that is a text of its own (YAML, say) is the controller's to read. */
function isParsed(request: FastifyRequest): boolean {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  return isJson(type) || type === 'application/x-www-form-urlencoded';
}

/** NUL and lone surrogates, which jsonb refuses, stop at the door. What Fastify has parsed is JSON by construction. */
function demandStorable(parsed: unknown, root: string): void {
  const field = findUnstorableText(parsed as JsonValue);
  if (field === undefined) return;
  throw new DomainError('invalid_character', {
    field: field === '(root)' ? root : isStorableText(field) ? field : JSON.stringify(field),
    reason: 'It holds the character NUL (U+0000) or half of a surrogate pair: neither can be stored.',
  });
}
