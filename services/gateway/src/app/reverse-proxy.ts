import replyFrom from '@fastify/reply-from';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Endpoint } from '#contracts/http/endpoint';
import { ENDPOINTS } from '#contracts/http/endpoints';
import { DomainError } from '#libs/kernel';
import { sendProblem, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import type { GatewayConfig } from '../config';
import { Upstreams } from '../upstreams';

/** How long an answer may pause; a stream of events sends a comment more often than that. */
const BODY_TIMEOUT_MS = 120_000;
const CONNECT_TIMEOUT_MS = 2_000;
const CONNECTIONS_PER_SERVICE = 64;

/** A call that cannot change anything is tried once more when its kept connection turns out to be dead. */
const RETRY_AFTER_MS = 50;

/**
 * Passes every endpoint of the other services on to where it is served, streaming both ways: nothing is buffered, and
 * who may call and what is valid is judged by the service itself.
 */
@Injectable()
export class ReverseProxy implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Inject(Upstreams) private readonly upstreams: Upstreams,
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext<GatewayConfig>,
  ) {}

  onModuleInit(): void {
    const fastify: FastifyInstance = this.adapterHost.httpAdapter.getInstance();
    fastify.register(replyFrom, {
      disableRequestLogging: true,
      undici: {
        connections: CONNECTIONS_PER_SERVICE,
        pipelining: 1,
        connect: { timeout: CONNECT_TIMEOUT_MS },
        headersTimeout: this.context.config.GATEWAY_UPSTREAM_TIMEOUT_MS,
        bodyTimeout: BODY_TIMEOUT_MS,
      },
    });
    for (const endpoint of ENDPOINTS) {
      if (endpoint.service === 'gateway' || endpoint.local === true) continue;
      fastify.route({
        method: endpoint.method,
        url: endpoint.path,
        config: { passesOn: endpoint },
        handler: (request, reply) => this.passOn(endpoint, request, reply),
      });
    }
  }

  private passOn(endpoint: Endpoint, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { trace } = request.countersign;
    return reply.from(`${this.upstreams.urlOf(endpoint.service)}${request.raw.url ?? ''}`, {
      rewriteRequestHeaders: (_, headers) => ({
        ...headers,
        traceparent: trace.traceparent,
        'x-correlation-id': trace.correlationId,
        'x-forwarded-host': request.headers.host ?? '',
      }),
      retryDelay: ({ req, err, attempt }) => (isDeadConnection(req, err) && attempt === 0 ? RETRY_AFTER_MS : null),
      onError: (_, { error }) => this.unavailable(endpoint, reply, error),
    });
  }

  private unavailable(endpoint: Endpoint, reply: FastifyReply, error: Error): void {
    this.context.logger.warn({ err: error.cause ?? error, service: endpoint.service }, 'a service does not answer');
    const isTimeout = /timeout/i.test(`${error.name} ${error.message}`);
    void sendProblem(
      reply,
      new DomainError('service_unavailable', {
        reason: isTimeout
          ? `The service ${endpoint.service} did not answer in time. It may have done what was asked: look before you repeat it.`
          : `The service ${endpoint.service} cannot be reached. Try again.`,
        cause: error,
      }),
    );
  }
}

function isDeadConnection(request: unknown, error: unknown): boolean {
  const method = typeof request === 'object' && request !== null ? Reflect.get(request, 'method') : undefined;
  const code = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return method === 'GET' && (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET');
}
