import { Body, Controller, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import type {
  ConfigureSource,
  DisableSource,
  RegisterSource,
  RotateSource,
  Source,
  SourceWithToken,
} from '#contracts/http/ingest';
import type { Principal } from '#contracts/identity';
import { actorOf, CurrentPrincipal, Trace, type RequestTrace } from '#libs/service';
import { SourceRegistry, type Asking } from './source-registry';

const DEFAULT_OVERLAP_SECONDS = 3_600;

@Controller()
export class SourcesController {
  constructor(private readonly registry: SourceRegistry) {}

  @Get('/v1/sources')
  async list(@CurrentPrincipal() principal: Principal): Promise<{ items: Source[] }> {
    return { items: await this.registry.list(principal.tenant) };
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
