import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put } from '@nestjs/common';
import type {
  ConfigurePoll,
  ConfigureSource,
  DisableSource,
  RegisterSource,
  RotateSource,
  Source,
  SourceWithToken,
} from '#contracts/http/ingest';
import type { Principal } from '#contracts/identity';
import {
  actorOf,
  CurrentPrincipal,
  SERVICE_CONTEXT,
  type RequestTrace,
  type ServiceContext,
  Trace,
} from '#libs/service';
import { checkedPoll } from './poll-configuration';
import { SourceRegistry, type Asking } from './source-registry';

const DEFAULT_OVERLAP_SECONDS = 3_600;

@Controller()
export class SourcesController {
  constructor(
    private readonly registry: SourceRegistry,
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
  ) {}

  @Get('/v1/sources')
  async list(@CurrentPrincipal() principal: Principal): Promise<{ items: Source[] }> {
    return { items: await this.registry.list(principal.tenant) };
  }

  @Get('/v1/sources/:id')
  show(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<Source> {
    return this.registry.read(id, principal.tenant);
  }

  @Post('/v1/sources')
  @HttpCode(201)
  register(
    @Body() body: RegisterSource,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<SourceWithToken> {
    return this.registry.register(body.name, body.format ?? null, asking(principal, trace));
  }

  @Post('/v1/sources/:id/rotate')
  @HttpCode(200)
  rotate(
    @Param('id') id: string,
    @Body() body: RotateSource,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<SourceWithToken> {
    return this.registry.rotate(id, body.overlapSeconds ?? DEFAULT_OVERLAP_SECONDS, asking(principal, trace));
  }

  @Patch('/v1/sources/:id')
  configure(
    @Param('id') id: string,
    @Body() body: ConfigureSource,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<Source> {
    return this.registry.configure(id, body, asking(principal, trace));
  }

  @Put('/v1/sources/:id/poll')
  async poll(
    @Param('id') id: string,
    @Body() body: ConfigurePoll,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<Source> {
    const poll = checkedPoll(body, this.context.profile);
    const from = body.from === undefined ? null : new Date(body.from);
    return this.registry.poll(id, poll, from, asking(principal, trace));
  }

  @Delete('/v1/sources/:id/poll')
  stopPoll(
    @Param('id') id: string,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<Source> {
    return this.registry.stopPoll(id, asking(principal, trace));
  }

  @Post('/v1/sources/:id/disable')
  @HttpCode(200)
  disable(
    @Param('id') id: string,
    @Body() body: DisableSource,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<Source> {
    return this.registry.disable(id, body.reason, asking(principal, trace));
  }
}

function asking(principal: Principal, meta: RequestTrace): Asking {
  return { tenant: principal.tenant, actor: actorOf(principal), meta };
}
