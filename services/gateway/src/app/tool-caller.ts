import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { SERVICE_CONTEXT, type RequestTrace, type ServiceContext } from '#libs/service';
import type { GatewayConfig } from '../config';
import { Upstreams } from '../upstreams';
import type { CallEndpoint } from './mcp-server';

/** What an agent can read at once: more would not fit what reads it. */
const MOST_CHARACTERS = 1_000_000;

/** Calls the services' HTTP API on an agent's behalf, with the agent's own token: it can do there what the token can. */
@Injectable()
export class ToolCaller {
  constructor(
    @Inject(Upstreams) private readonly upstreams: Upstreams,
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext<GatewayConfig>,
  ) {}

  as(authorization: string, trace: RequestTrace): CallEndpoint {
    return async ({ calls: { service, method, path }, annotations }, input) => {
      const { filledPath, rest } = fillPath(path, input);
      const url = new URL(filledPath, this.upstreams.urlOf(service));
      if (method === 'GET') {
        for (const [name, value] of Object.entries(rest)) {
          for (const one of [value].flat()) url.searchParams.append(name, String(one));
        }
      }
      const retries = annotations.readOnlyHint ? 1 : 0;
      const answer = await this.send(service, url, retries, {
        method,
        headers: {
          authorization,
          traceparent: trace.traceparent,
          'x-correlation-id': trace.correlationId,
          ...(method !== 'GET' && { 'content-type': 'application/json' }),
        },
        body: method === 'GET' ? undefined : JSON.stringify(rest),
      });
      const body = await answer.text();
      if (body.length > MOST_CHARACTERS) {
        throw new DomainError('body_too_large', `The answer has ${body.length} characters. Ask for less of it.`);
      }
      return { status: answer.status, body };
    };
  }

  /** A call that only reads is tried twice; a draft once: the same draft sent again is harmless, but that is the agent's. */
  private async send(service: string, url: URL, retries: number, init: RequestInit): Promise<Response> {
    const timeout = AbortSignal.timeout(this.context.config.GATEWAY_UPSTREAM_TIMEOUT_MS);
    try {
      return await fetch(url, { ...init, redirect: 'error', signal: timeout });
    } catch (error) {
      if (retries > 0 && !timeout.aborted) return this.send(service, url, retries - 1, init);
      this.context.logger.warn({ err: error, service }, 'a service does not answer a tool');
      throw new DomainError('service_unavailable', {
        reason: `The service ${service} cannot be reached. Try again.`,
        cause: error,
      });
    }
  }
}

function fillPath(path: string, input: Record<string, unknown>) {
  const rest = { ...input };
  const filledPath = path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest[name]));
    delete rest[name];
    return value;
  });
  return { filledPath, rest };
}
