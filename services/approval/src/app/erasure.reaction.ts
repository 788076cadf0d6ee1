import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { BUS, type BusMessage, type Outcome } from '#libs/bus';
import { forgetErased, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { CaseCopy } from '../read/case-copy';

/** What was erased is no longer shown to approvers either. */
@Controller()
export class ErasureReaction {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    private readonly cases: CaseCopy,
  ) {}

  @EventPattern('countersign.audit', BUS, { batch: 100, attempts: 1000, types: ['PersonalDataErased'] })
  onAudit(messages: BusMessage[]): Promise<Outcome[]> {
    return forgetErased(this.context, messages, ({ cases }, tenant) => this.cases.forget(tenant, cases));
  }
}
