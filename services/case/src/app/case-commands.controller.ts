import { Body, Controller, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type {
  AcknowledgeBody,
  AddEvidenceBody,
  AddNoteBody,
  AssignBody,
  CaseView,
  ChangeSeverityBody,
  ChangeStatusBody,
  EscalateBody,
} from '#contracts/http/case';
import type { Principal } from '#contracts/identity';
import { CurrentPrincipal, Trace, type RequestTrace } from '#libs/service';
import { EvidenceStore } from '../adapters/evidence-store';
import { CaseRequests } from './case-requests';
import { CaseViews } from './case-views';
import { EscalationDeadlines } from './escalation-deadlines';
import { readUpload } from './evidence-upload';

/** Changing cases, by commands. Each answers with the new state. */
@Controller('/v1/cases/:id')
export class CaseCommandsController {
  constructor(
    @Inject(CaseRequests) private readonly requests: CaseRequests,
    @Inject(CaseViews) private readonly views: CaseViews,
    @Inject(EvidenceStore) private readonly evidence: EvidenceStore,
    @Inject(EscalationDeadlines) private readonly deadlines: EscalationDeadlines,
  ) {}

  @Post('/status')
  @HttpCode(200)
  changeStatus(
    @Param('id') caseId: string,
    @Body() { status: to, resolution, comment = '', expectedVersion }: ChangeStatusBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Headers('idempotency-key') idempotencyKey?: string,
  ): Promise<CaseView> {
    return this.requests.carryOut(
      { caseId, principal, trace, idempotencyKey },
      { type: 'ChangeStatus', to, resolution, comment, expectedVersion },
      { type: 'CaseStatusChanged', data: { to, comment } },
    );
  }

  @Post('/severity')
  @HttpCode(200)
  changeSeverity(
    @Param('id') caseId: string,
    @Body() { severity: to, reason = '', expectedVersion }: ChangeSeverityBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Headers('idempotency-key') idempotencyKey?: string,
  ): Promise<CaseView> {
    return this.requests.carryOut(
      { caseId, principal, trace, idempotencyKey },
      { type: 'ChangeSeverity', to, reason, expectedVersion },
      { type: 'CaseSeverityChanged', data: { to, reason } },
    );
  }

  @Post('/owner')
  @HttpCode(200)
  assign(
    @Param('id') caseId: string,
    @Body() { owner: to, expectedVersion }: AssignBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Headers('idempotency-key') idempotencyKey?: string,
  ): Promise<CaseView> {
    return this.requests.carryOut(
      { caseId, principal, trace, idempotencyKey },
      { type: 'AssignCase', to, expectedVersion },
      { type: 'CaseAssigned', data: { to } },
    );
  }

  @Post('/notes')
  @HttpCode(200)
  addNote(
    @Param('id') caseId: string,
    @Body() { text, expectedVersion }: AddNoteBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Headers('idempotency-key') idempotencyKey?: string,
  ): Promise<CaseView> {
    const request = { caseId, principal, trace, idempotencyKey };
    const noteId = this.requests.newIdFor(request, 'note');
    return this.requests.carryOut(
      request,
      { type: 'AddNote', noteId, text, expectedVersion },
      { type: 'CaseNoteAdded', data: { text } },
    );
  }

  @Post('/evidence')
  @HttpCode(200)
  async addEvidence(
    @Param('id') caseId: string,
    @Body() body: AddEvidenceBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Headers('idempotency-key') idempotencyKey?: string,
  ): Promise<CaseView> {
    const request = { caseId, principal, trace, idempotencyKey };
    const { name, comment = '', expectedVersion } = body;
    const upload = readUpload(body);
    // Nothing is kept for a case that is not there.
    await this.views.demand(principal.tenant, caseId);
    const evidence =
      upload.kind === 'link'
        ? { kind: upload.kind, name, comment, url: upload.url, mediaType: null, size: null, digest: null }
        : {
            kind: upload.kind,
            name,
            comment,
            url: null,
            mediaType: upload.mediaType,
            ...(await this.evidence.keep(principal.tenant, upload.content)),
          };
    const evidenceId = this.requests.newIdFor(request, 'evidence');
    return this.requests.carryOut(
      request,
      { type: 'AddEvidence', evidenceId, evidence, expectedVersion },
      { type: 'CaseEvidenceAdded', data: evidence },
    );
  }

  @Post('/escalations')
  @HttpCode(200)
  async escalate(
    @Param('id') caseId: string,
    @Body() { to, reason, deadline, withinMinutes, expectedVersion }: EscalateBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Headers('idempotency-key') idempotencyKey?: string,
  ): Promise<CaseView> {
    const request = { caseId, principal, trace, idempotencyKey };
    const until = await this.deadlines.deadlineOf({ deadline, withinMinutes });
    const escalationId = this.requests.newIdFor(request, 'escalation');
    return this.requests.carryOut(
      request,
      { type: 'EscalateCase', escalationId, to, reason, deadline: until, expectedVersion },
      // Minutes from now are another deadline at the second call: the first one's stands.
      { type: 'CaseEscalated', data: { to, reason } },
    );
  }

  @Post('/escalations/:escalationId/acknowledge')
  @HttpCode(200)
  acknowledge(
    @Param('id') caseId: string,
    @Param('escalationId') escalationId: string,
    @Body() { comment = '', expectedVersion }: AcknowledgeBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Headers('idempotency-key') idempotencyKey?: string,
  ): Promise<CaseView> {
    return this.requests.carryOut(
      { caseId, principal, trace, idempotencyKey },
      { type: 'AcknowledgeEscalation', escalationId, comment, by: principal.subject, expectedVersion },
      { type: 'EscalationAcknowledged', data: { escalationId, comment } },
    );
  }
}
