import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type {
  ApprovalCounts,
  ApprovalDetail,
  ApprovalQuery,
  ApprovalSummary,
  DecisionBody,
  RevokeBody,
} from '#contracts/http/approval';
import type { Principal } from '#contracts/identity';
import type { StateQuery, StreamState } from '#contracts/state';
import { CurrentPrincipal, Trace, type RequestTrace } from '#libs/service';
import { PolicyAdoption } from './policy-adoption';
import { ApprovalList } from '../read/approval-list';
import { Decisions } from './decisions';

/** The approval API. No GET decides anything. */
@Controller()
export class ApprovalsController {
  constructor(
    private readonly approvals: ApprovalList,
    private readonly decisions: Decisions,
    private readonly policy: PolicyAdoption,
  ) {}

  @Get('/v1/approvals')
  list(
    @Query() query: ApprovalQuery,
    @CurrentPrincipal() principal: Principal,
  ): Promise<{ items: ApprovalSummary[]; next?: string }> {
    return this.approvals.page(principal.tenant, query);
  }

  @Get('/v1/approvals/counts')
  counts(
    @Query() { kind }: Pick<ApprovalQuery, 'kind'>,
    @CurrentPrincipal() principal: Principal,
  ): Promise<ApprovalCounts> {
    return this.approvals.counts(principal.tenant, kind);
  }

  @Get('/v1/approvals/:id')
  show(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<ApprovalDetail> {
    return this.decisions.show(id.toLowerCase(), principal);
  }

  @Get('/v1/approvals/:id/state')
  state(
    @Param('id') id: string,
    @Query() query: StateQuery,
    @CurrentPrincipal() principal: Principal,
  ): Promise<StreamState> {
    return this.decisions.state(id.toLowerCase(), query, principal);
  }

  @Get('/v1/policy/state')
  policyState(@Query() query: StateQuery): Promise<StreamState> {
    return this.policy.state(query);
  }

  @Post('/v1/approvals/:id/grant')
  @HttpCode(200)
  grant(
    @Param('id') id: string,
    @Body() body: DecisionBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<ApprovalDetail> {
    return this.decisions.grant(id.toLowerCase(), body, { principal, trace });
  }

  @Post('/v1/approvals/:id/deny')
  @HttpCode(200)
  deny(
    @Param('id') id: string,
    @Body() body: DecisionBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<ApprovalDetail> {
    return this.decisions.deny(id.toLowerCase(), body, { principal, trace });
  }

  @Post('/v1/approvals/:id/revoke')
  @HttpCode(200)
  revoke(
    @Param('id') id: string,
    @Body() body: RevokeBody,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ): Promise<ApprovalDetail> {
    return this.decisions.revoke(id.toLowerCase(), body.reason, { principal, trace });
  }
}
