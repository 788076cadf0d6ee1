import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import type { Endpoint } from '#contracts/http/endpoint';
import type { Principal } from '#contracts/identity';
import { DomainError } from '#libs/kernel';

/** What a request's events and messages take over, in the shape of an EventMeta. */
export interface RequestTrace {
  readonly correlationId: string;
  readonly traceparent: string;
}

/** What libs/service knows of a request beyond Fastify. */
export interface RequestContext {
  readonly trace: RequestTrace;
  /** Set by the guard, once the endpoint is found and the caller is known. */
  endpoint?: Endpoint;
  principal?: Principal;
}

declare module 'fastify' {
  interface FastifyRequest {
    countersign: RequestContext;
  }
  interface FastifyContextConfig {
    /** The gateway's: the request goes on, unread, to the service that serves this endpoint and checks everything. */
    passesOn?: Endpoint;
  }
}

const requestOf = (context: ExecutionContext): FastifyRequest => context.switchToHttp().getRequest<FastifyRequest>();

/** The principal of an endpoint whose `auth` is `user` or `source`. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = requestOf(context).countersign;
  if (principal === undefined) throw new DomainError('token_missing', 'This endpoint has no principal: it is public.');
  return principal;
});

/** `@Trace() trace: RequestTrace`: spread it into the meta of the events that the request leads to. */
export const Trace = createParamDecorator((_: unknown, context: ExecutionContext): RequestTrace => {
  return requestOf(context).countersign.trace;
});

/** The unread body of an endpoint with `rawBody: true`, still encoded as `content-encoding` says. */
export const RawBody = createParamDecorator((_: unknown, context: ExecutionContext): Readable => {
  return requestOf(context).raw;
});
