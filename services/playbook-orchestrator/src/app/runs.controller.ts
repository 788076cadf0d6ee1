import { Body, Controller, Get, Headers, Inject, Param, Post, Query } from '@nestjs/common';
import type { RunSummary, RunView, StartRun } from '#contracts/http/playbook-orchestrator';
import type { Principal } from '#contracts/identity';
import type { StateQuery, StreamState } from '#contracts/state';
import { DomainError } from '#libs/kernel';
import { CurrentPrincipal, Trace, type RequestTrace } from '#libs/service';
import { type RunFilter, RunQueries } from '../read/run-queries';
import { ManualRuns } from './manual-runs';
import { PastStates } from './past-states';
import { playbookIdOf } from './playbook-library';
import { askingOf } from './playbooks.controller';

@Controller()
export class RunsController {
  constructor(
    @Inject(RunQueries) private readonly queries: RunQueries,
    @Inject(ManualRuns) private readonly manual: ManualRuns,
    @Inject(PastStates) private readonly past: PastStates,
  ) {}

  @Get('/v1/runs')
  list(
    @Query() query: RunFilter,
    @CurrentPrincipal() principal: Principal,
  ): Promise<{ items: RunSummary[]; next?: string }> {
    const playbook = query.playbook === undefined ? undefined : playbookIdOf(query.playbook);
    return this.queries.list(principal.tenant, { ...query, playbook });
  }

  @Get('/v1/runs/:id')
  show(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<RunView> {
    return this.queries.show(principal.tenant, id.toLowerCase());
  }

  @Get('/v1/runs/:id/state')
  state(
    @Param('id') id: string,
    @Query() query: StateQuery,
    @CurrentPrincipal() { tenant }: Principal,
  ): Promise<StreamState> {
    return this.past.ofRun(tenant, id.toLowerCase(), query);
  }

  @Post('/v1/runs')
  async start(
    @Body() body: StartRun,
    @Headers('idempotency-key') key: string | undefined,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<RunView> {
    if (key !== undefined && (key === '' || key.length > 200)) {
      throw new DomainError('invalid_field', { field: 'Idempotency-Key', reason: 'must have 1 to 200 characters' });
    }
    const runId = await this.manual.start(body, key, askingOf(principal, trace));
    return this.queries.show(principal.tenant, runId);
  }
}
