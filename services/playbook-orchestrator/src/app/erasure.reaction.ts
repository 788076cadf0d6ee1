import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { DataSource } from 'typeorm';
import { BUS, type BusMessage, type Outcome } from '#libs/bus';
import { ERASED } from '#libs/personal-data';
import { withTenant } from '#libs/read-model';
import { forgetErased, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';

/** Runs that start from here on do not get what was erased of a case. */
@Controller()
export class ErasureReaction {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    @Inject(DataSource) private readonly database: DataSource,
  ) {}

  @EventPattern('countersign.audit', BUS, { batch: 100, attempts: 1000, types: ['PersonalDataErased'] })
  onAudit(messages: BusMessage[]): Promise<Outcome[]> {
    return forgetErased(this.context, messages, async ({ cases }, tenant) => {
      await withTenant(this.database, tenant, (tx) =>
        tx.query(
          `update svc_playbook_orchestrator.case_facts set title = $2, variables = '{}'
           where tenant = $1 and case_id = any($3::uuid[])`,
          [tenant, ERASED, cases],
        ),
      );
    });
  }
}
