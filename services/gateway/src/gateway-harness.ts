import { Body, Controller, HttpCode, Module, Param, Post } from '@nestjs/common';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type from 'typebox';
import { endpointsOf } from '#contracts/http/endpoints';
import type { Principal } from '#contracts/identity';
import { freePort } from '#libs/local';
import { createLogger, CurrentPrincipal, defineService, startService, type RunningService } from '#libs/service';
import { service } from './service';

/** Stands in for approval: the real guard in front of a decision endpoint, and nothing behind it. */
@Controller()
class DecisionController {
  @Post('/v1/approvals/:id/grant')
  @HttpCode(200)
  grant(@Param('id') id: string, @Body() _: unknown, @CurrentPrincipal() { subject }: Principal) {
    return { id, by: subject };
  }
}

@Module({ controllers: [DecisionController] })
class DecisionModule {}

const decisions = defineService({
  name: 'approval',
  port: 0,
  config: Type.Object({}),
  entities: [],
  migrations: [],
  projections: () => [],
  module: () => ({ module: DecisionModule }),
});

export interface GatewayHarness {
  readonly gateway: RunningService;
  readonly approval: RunningService;
  readonly environment: Record<string, string>;
  readonly dataFolder: string;
  /** What the service `case` behind the gateway does with a request; each test sets its own. */
  answerAsCase: RequestListener;
  /** The header of a local account, with a token of the gateway's own issuer. */
  as(subject: string, more?: Record<string, string>): Promise<{ authorization: string }>;
}

/**
 * The gateway in front of a `case` that the test plays itself, an `approval` with the real guard, and a `connector`
 * that is down. To be called outside of tests; its members can be read once `beforeAll` has run.
 */
export function useGateway(postgres: { readonly appUrl: string }): GatewayHarness {
  const logger = createLogger('silent');
  const dataFolder = mkdtempSync(join(tmpdir(), 'gateway-'));
  const environment: Record<string, string> = {
    COUNTERSIGN_PROFILE: 'development',
    COUNTERSIGN_DATA: dataFolder,
    APPROVAL_PORT: '0',
    GATEWAY_UPSTREAM_TIMEOUT_MS: '1000',
  };
  const running: { gateway?: RunningService; approval?: RunningService } = {};
  const cases = createServer((request, response) => harness.answerAsCase(request, response));
  const harness: GatewayHarness = {
    get gateway() {
      return started(running.gateway);
    },
    get approval() {
      return started(running.approval);
    },
    environment,
    dataFolder,
    answerAsCase: (_, response) => response.end(),
    async as(subject, more = {}) {
      const answer = await fetch(`${harness.gateway.url}/oauth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ grant_type: 'urn:countersign:params:oauth:grant-type:local', subject, ...more }),
      });
      const { access_token: token }: { access_token: string } = JSON.parse(await answer.text());
      return { authorization: `Bearer ${token}` };
    },
  };

  beforeAll(async () => {
    cases.listen(0, '127.0.0.1');
    await once(cases, 'listening');
    Object.assign(environment, {
      LEDGER_URL: postgres.appUrl,
      GATEWAY_PORT: String(await freePort()),
      CASE_URL: `http://127.0.0.1:${portOf(cases)}`,
      CONNECTOR_URL: `http://127.0.0.1:${await freePort()}`,
    });
    const endpoints = endpointsOf('approval').filter(({ path, local }) => local || path === '/v1/approvals/:id/grant');
    running.approval = await startService(decisions, { env: environment, logger, endpoints });
    const env = { ...environment, APPROVAL_URL: running.approval.url };
    running.gateway = await startService(service, { env, logger });
  });
  afterAll(async () => {
    await running.gateway?.stop();
    await running.approval?.stop();
    cases.closeAllConnections();
    cases.close();
    rmSync(dataFolder, { recursive: true, force: true });
  });
  return harness;
}

function started(service: RunningService | undefined): RunningService {
  if (service === undefined) throw new Error('The gateway is started in beforeAll; use it inside of tests and hooks');
  return service;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
