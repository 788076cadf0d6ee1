import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { DataSource } from 'typeorm';
import { BUS, type BusMessage, type Outcome } from '#libs/bus';
import { forgetErased, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';

/** The jobs of actions that are over need not know any more what was asked for. */
@Controller()
export class ErasureReaction {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    @Inject(DataSource) private readonly database: DataSource,
  ) {}

  @EventPattern('countersign.audit', BUS, { batch: 100, attempts: 1000, types: ['PersonalDataErased'] })
  onAudit(messages: BusMessage[]): Promise<Outcome[]> {
    return forgetErased(this.context, messages, async ({ cases }, tenant) => {
      await this.database.query(
        `update svc_connector.job set payload = '{}'
         where tenant = $1 and status in ('done', 'cancelled') and payload->'request'->>'caseId' = any($2)`,
        [tenant, cases],
      );
    });
  }
}
