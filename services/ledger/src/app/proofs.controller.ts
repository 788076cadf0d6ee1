import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { ConsistencyQuery } from '#contracts/http/ledger';
import type { Principal } from '#contracts/identity';
import type { ConsistencyProof, InclusionProof } from '#contracts/proof';
import { CurrentPrincipal } from '#libs/service';
import { LedgerProofs } from './ledger-proofs';

/** Proving one thing, to somebody who does not get to see the ledger. */
@Controller('/v1/audit/proofs')
export class ProofsController {
  constructor(@Inject(LedgerProofs) private readonly proofs: LedgerProofs) {}

  @Get('/events/:event')
  ofEvent(
    @CurrentPrincipal() { tenant }: Principal,
    @Param('event') event: string,
    @Query() { checkpoint }: { checkpoint?: number },
  ): Promise<InclusionProof> {
    return this.proofs.ofEvent(event, tenant, checkpoint);
  }

  @Get('/consistency')
  ofConsistency(@Query() { from, to }: ConsistencyQuery): Promise<ConsistencyProof> {
    return this.proofs.ofConsistency(from, to);
  }
}
