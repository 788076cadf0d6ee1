import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { SpanKind } from '@opentelemetry/api';
import { ExponentialBackoff, handleWhen, retry as retryPolicy } from 'cockatiel';
import type { ActionRequest } from '#contracts/action';
import { type Answer, EgressClient, type OutgoingRequest, SecretFiles } from '#libs/egress';
import { DomainError, type JsonObject } from '#libs/kernel';
import { SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import type { Telemetry } from '#libs/telemetry';
import type { ActionCall, TargetRequest } from '../adapters/connectors/connector';
import type { ConnectorConfig } from '../connector-config';
import type { PreparedAction } from './admission';

/** What became of the calls of one action. `attempts` counts the calls that were begun. */
export type Performed =
  | { readonly kind: 'succeeded'; readonly attempts: number; readonly outputs: JsonObject }
  | { readonly kind: 'failed' | 'unknown'; readonly attempts: number; readonly error: DomainError };

const MAX_ATTEMPTS = 4;

/** Calls the target: bounded in time, tried again only where that cannot do anything twice. */
@Injectable()
export class ActionPerformer {
  private readonly secrets: SecretFiles;
  private readonly telemetry: Telemetry;

  constructor(@Inject(SERVICE_CONTEXT) { config, settings, telemetry }: ServiceContext<ConnectorConfig>) {
    this.telemetry = telemetry;
    this.secrets = new SecretFiles(config.COUNTERSIGN_SECRETS_DIR ?? join(settings.dataFolder, 'secrets'));
  }

  /**
   * Retry policy: what was certainly not sent is tried again (4 attempts, exponential back-off from 200 ms); what may have
   * been is tried again only against a target that honours the idempotency key.
   */
  async perform(
    { connector, manifest, connection }: PreparedAction,
    request: ActionRequest,
    traceparent: string | undefined,
    signal: AbortSignal,
  ): Promise<Performed> {
    let attempts = 0;
    let mayHaveHappened = false;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(request.timeoutMs)]);
    const policy = retryPolicy(
      handleWhen((error) => mayTryAgain(error, manifest.idempotent) && !deadline.aborted),
      { maxAttempts: MAX_ATTEMPTS - 1, backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 5_000 }) },
    );
    const client = new EgressClient({ allowedHosts: connection.allowedHosts });
    try {
      const settings = await this.secrets.resolve(connection.settings);
      const outputs = await policy.execute(async () => {
        attempts += 1;
        try {
          return await connector.perform({
            action: request.action,
            target: request.target,
            // The manifest's input schema has let only JSON through.
            parameters: request.parameters as JsonObject,
            settings,
            send: (call) => this.call(client, outgoing(call, settings, request, deadline), request, traceparent),
          });
        } catch (error) {
          mayHaveHappened ||= error instanceof DomainError ? error.code === 'outcome_unknown' : true;
          throw error;
        }
      }, deadline);
      return { kind: 'succeeded', attempts, outputs };
    } catch (error) {
      const known =
        error instanceof DomainError ? error : new DomainError('internal', { reason: String(error), cause: error });
      return { kind: mayHaveHappened && manifest.effect !== 'read' ? 'unknown' : 'failed', attempts, error: known };
    } finally {
      await client.close();
    }
  }

  /** The span names the target's host alone: a path may hold what a person is called (invariant 9). */
  private call(
    client: EgressClient,
    call: OutgoingRequest,
    { connector, action, actionId, connectionId }: ActionRequest,
    parent: string | undefined,
  ): Promise<Answer> {
    const { method, url, headers } = call;
    const attributes = {
      'http.request.method': method,
      'server.address': url.hostname,
      'countersign.action.id': actionId,
      'countersign.connection.id': connectionId,
    };
    const work = { name: `call ${connector}.${action}`, kind: SpanKind.CLIENT, parent, attributes };
    return this.telemetry.span(work, async (traceparent, span) => {
      const traced = traceparent === undefined ? headers : { ...headers, traceparent };
      const answer = await client.call({ ...call, headers: traced });
      span?.setAttribute('http.response.status_code', answer.status);
      return answer;
    });
  }
}

function mayTryAgain(error: unknown, idempotent: boolean): boolean {
  if (!(error instanceof DomainError)) return false;
  return error.code === 'target_unreachable' || (error.code === 'outcome_unknown' && idempotent);
}

function outgoing(
  call: TargetRequest,
  settings: ActionCall['settings'],
  request: ActionRequest,
  signal: AbortSignal,
): OutgoingRequest {
  const base = String(settings['baseUrl']).replace(/\/$/, '');
  const headers: Record<string, string> = { ...call.headers, 'idempotency-key': request.actionId };
  if (typeof settings['token'] === 'string') headers['authorization'] = `Bearer ${settings['token']}`;
  const { method, body } = call;
  return {
    method,
    url: new URL(base + call.path),
    headers,
    body,
    signal,
    timeoutMs: Math.min(request.timeoutMs, 30_000),
  };
}
