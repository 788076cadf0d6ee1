import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { Principal } from '#contracts/identity';
import type { WitnessedLedger, WitnessStatement, WitnessView } from '#contracts/witness';
import { actorOf, CurrentPrincipal, Trace, type RequestTrace } from '#libs/service';
import { WitnessDelivery } from './witness-delivery';
import { WitnessedLedgers } from './witnessed-ledgers';

/** Our witnesses, and being the witness of others. */
@Controller('/v1/audit')
export class WitnessesController {
  constructor(
    @Inject(WitnessDelivery) private readonly delivery: WitnessDelivery,
    @Inject(WitnessedLedgers) private readonly witnessed: WitnessedLedgers,
  ) {}

  @Get('/witnesses')
  async witnesses(): Promise<{ items: WitnessView[] }> {
    return { items: await this.delivery.view() };
  }

  @Post('/witnessed')
  @HttpCode(200)
  witness(
    @CurrentPrincipal() principal: Principal,
    @Trace() { correlationId, traceparent }: RequestTrace,
    @Body() statement: WitnessStatement,
  ): Promise<WitnessedLedger> {
    // The checkpoint is the cause: the same one again gives the same event.
    const meta = { correlationId, traceparent, causationId: statement.checkpoint.signature };
    return this.witnessed.witness(statement, { tenant: principal.tenant, actor: actorOf(principal), meta });
  }

  @Get('/witnessed/:ledger')
  last(@CurrentPrincipal() { tenant }: Principal, @Param('ledger') ledger: string): Promise<WitnessedLedger> {
    return this.witnessed.last(ledger, tenant);
  }
}
