import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { BUS, type BusMessage, type Outcome } from '#libs/bus';
import { forgetErased, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { Originals } from '../read/originals';

/** The large originals of what was erased are in the open here, and go. */
@Controller()
export class ErasureReaction {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    @Inject(Originals) private readonly originals: Originals,
  ) {}

  @EventPattern('countersign.audit', BUS, { batch: 100, attempts: 1000 })
  onAudit(messages: BusMessage[]): Promise<Outcome[]> {
    return forgetErased(this.context, messages, ({ records }, tenant) => this.originals.drop(tenant, records));
  }
}
