import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type {
  PlaybookImported,
  PlaybookInput,
  PlaybookSummary,
  PlaybookValidation,
  PlaybookView,
  RetirePlaybook,
} from '#contracts/http/playbook-orchestrator';
import type { Principal } from '#contracts/identity';
import type { StateQuery, StreamState } from '#contracts/state';
import { demandObject, findCredentials, parseDocument, validatePlaybook } from '#libs/cacao';
import { DomainError, type JsonObject } from '#libs/kernel';
import { actorOf, CurrentPrincipal, Trace, type RequestTrace } from '#libs/service';
import { PlaybookQueries } from '../read/playbook-queries';
import { PastStates } from './past-states';
import { type Asking, playbookIdOf, PlaybookLibrary } from './playbook-library';

@Controller()
export class PlaybooksController {
  constructor(
    @Inject(PlaybookLibrary) private readonly library: PlaybookLibrary,
    @Inject(PlaybookQueries) private readonly queries: PlaybookQueries,
    @Inject(PastStates) private readonly past: PastStates,
  ) {}

  @Get('/v1/playbooks')
  async list(@CurrentPrincipal() principal: Principal): Promise<{ items: PlaybookSummary[] }> {
    return { items: await this.queries.list(principal.tenant) };
  }

  @Get('/v1/playbooks/:id')
  show(
    @Param('id') id: string,
    @Query() query: { digest?: string },
    @CurrentPrincipal() principal: Principal,
  ): Promise<PlaybookView> {
    return this.queries.show(principal.tenant, playbookIdOf(id), query.digest);
  }

  @Get('/v1/playbooks/:id/state')
  state(
    @Param('id') id: string,
    @Query() query: StateQuery,
    @CurrentPrincipal() { tenant }: Principal,
  ): Promise<StreamState> {
    return this.past.ofPlaybook(tenant, playbookIdOf(id), query);
  }

  @Post('/v1/playbooks/validate')
  @HttpCode(200)
  validate(@Body() body: PlaybookInput): PlaybookValidation {
    const { valid, executable, findings, playbook } = validatePlaybook(documentOf(body));
    const credentials = playbook === undefined ? [] : findCredentials(playbook);
    const accepted = valid && credentials.length === 0;
    return { valid: accepted, executable: accepted && executable, findings: [...credentials, ...findings] };
  }

  @Post('/v1/playbooks')
  import(
    @Body() body: PlaybookInput,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlaybookImported> {
    return this.keep(body, askingOf(principal, trace), reply);
  }

  @Post('/v1/playbooks/drafts')
  draft(
    @Body() body: PlaybookInput,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlaybookImported> {
    return this.keep(body, askingOf(principal, trace), reply);
  }

  /** Idempotent by itself: a version is retired once, and the answer is how it stands. */
  @Post('/v1/playbooks/:id/retire')
  @HttpCode(200)
  async retire(
    @Param('id') id: string,
    @Body() { reason, digest }: RetirePlaybook,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<PlaybookView> {
    const playbookId = playbookIdOf(id);
    await this.library.retire(playbookId, digest, reason, askingOf(principal, trace));
    return this.queries.show(principal.tenant, playbookId, digest);
  }

  private async keep(body: PlaybookInput, asking: Asking, reply: FastifyReply): Promise<PlaybookImported> {
    const imported = await this.library.draft(documentOf(body), asking);
    reply.status(imported.created ? 201 : 200);
    return { ...imported, findings: [...imported.findings] };
  }
}

export function askingOf(principal: Principal, trace: RequestTrace): Asking {
  return { tenant: principal.tenant, actor: actorOf(principal), meta: { ...trace } };
}

function documentOf({ document, text, format }: PlaybookInput): JsonObject {
  if ((document === undefined) === (text === undefined)) {
    throw new DomainError('invalid_field', {
      field: 'document',
      reason: 'send document (an object) or text, one of the two',
    });
  }
  return text === undefined ? demandObject(document) : parseDocument(text, format ?? 'json');
}
