import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { ConsistencyQuery } from '#contracts/http/ledger';
import type { Principal } from '#contracts/identity';
import type { ConsistencyProof, InclusionProof } from '#contracts/proof';
import { CurrentPrincipal, Trace, type RequestTrace } from '#libs/service';
import { LedgerProofs } from './ledger-proofs';
import { ReadLog } from './read-log';

/** Proving one thing, to somebody who does not get to see the ledger. */
@Controller('/v1/audit/proofs')
export class ProofsController {
  constructor(
    @Inject(LedgerProofs) private readonly proofs: LedgerProofs,
    @Inject(ReadLog) private readonly readings: ReadLog,
  ) {}

  @Get('/events/:event')
  async ofEvent(
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Param('event') event: string,
    @Query() { checkpoint }: { checkpoint?: number },
  ): Promise<InclusionProof> {
    const proof = await this.proofs.ofEvent(event, principal.tenant, checkpoint);
    await this.readings.record('proof', { event }, { principal, trace });
    return proof;
  }

  @Get('/consistency')
  ofConsistency(@Query() { from, to }: ConsistencyQuery): Promise<ConsistencyProof> {
    return this.proofs.ofConsistency(from, to);
  }
}
