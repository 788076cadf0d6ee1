import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Endpoint } from '#contracts/http/endpoint';
import { SourceTokenVerifier } from './auth/source-token-verifier';
import { TokenVerifier } from './auth/token-verifier';
import { installEdge } from './http/edge';
import { EndpointTable } from './http/endpoint-table';
import { ForeignProtocols } from './http/foreign-protocols';
import { sendProblem, toDomainError } from './http/problem';
import { ProblemFilter } from './http/problem.filter';
import { BODY_LIMIT } from './http/request-body';
import { NestLogger } from './logging';
import type { ReadinessChecks } from './operations.controller';
import type { ServiceContext, ServiceDefinition } from './service-definition';
import { ServiceModule } from './service.module';

/** A client that sends its headers or body more slowly than this is cut off. NDJSON uploads have no limit in all. */
const HEADERS_TIMEOUT_MS = 30_000;

export interface HttpApp {
  readonly app: NestFastifyApplication;
  /** Throws when routes and table differ. To be called once the application is initialized. */
  demandComplete(): void;
}

/** The Nest application of a service on Fastify, with the edge around it; not yet initialized. */
export async function createHttpApp(
  definition: ServiceDefinition,
  context: ServiceContext,
  endpoints: readonly Endpoint[],
  readiness: ReadinessChecks,
): Promise<HttpApp> {
  const table = new EndpointTable(endpoints);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) => {
      void sendProblem(reply, toDomainError(error));
    },
    requestTimeout: 0,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: false },
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    ServiceModule.of(definition, context, readiness),
    adapter,
    { bodyParser: false, abortOnError: false, logger: new NestLogger(context.logger) },
  );
  installEdge(adapter.getInstance(), {
    service: definition.name,
    table,
    users: new TokenVerifier(context.settings.issuer, context.settings.clients, context.clock),
    sources: () => app.get(SourceTokenVerifier, { strict: false }),
    metrics: context.metrics,
    telemetry: context.telemetry,
    stopping: context.stopping,
  });
  app.useGlobalFilters(new ProblemFilter(context.logger, () => app.get(ForeignProtocols, { strict: false })));
  return { app, demandComplete: () => table.demandComplete() };
}
