import { Controller, Get, Inject, Res, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, type HealthIndicatorFunction } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { ServiceMetrics } from './metrics';

/** What must be there before a service takes requests: each answers within its own time or counts as down. */
export abstract class ReadinessChecks {
  abstract readonly checks: readonly ReadinessCheck[];
  abstract readonly logger: Logger;
}

export interface ReadinessCheck {
  readonly name: string;
  /** Rejects when it is not there. The reason goes to the log alone: the endpoint is public. */
  readonly check: () => Promise<void>;
}

const CHECK_TIMEOUT_MS = 2_000;

/** The endpoints of `contracts/http/operations.ts`, the same in every service. */
@Controller()
export class OperationsController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(ReadinessChecks) private readonly readiness: ReadinessChecks,
    @Inject(ServiceMetrics) private readonly metrics: ServiceMetrics,
  ) {}

  /** Asks nothing of the outside: a service whose database is away must not be restarted for it. */
  @Get('/healthz')
  healthz() {
    return { status: 'ok', details: {} };
  }

  @Get('/readyz')
  async readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    try {
      const { status, details } = await this.health.check(this.readiness.checks.map((check) => this.indicator(check)));
      return { status, details };
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const response = error.getResponse();
      if (typeof response !== 'object' || !('details' in response)) throw error;
      void reply.code(503);
      return { status: 'error', details: response.details };
    }
  }

  @Get('/metrics')
  async prometheus(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.type(this.metrics.contentType);
    return this.metrics.text();
  }

  private indicator({ name, check }: ReadinessCheck): HealthIndicatorFunction {
    return async () => {
      try {
        await within(CHECK_TIMEOUT_MS, check());
        return { [name]: { status: 'up' } };
      } catch (error) {
        this.readiness.logger.warn({ err: error, check: name }, 'not ready');
        return { [name]: { status: 'down' } };
      }
    };
  }
}

async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
