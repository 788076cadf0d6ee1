import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { DataSource, type EntityManager } from 'typeorm';
import { BUS, type BusMessage, categoryOf, done, type Outcome } from '#libs/bus';
import { isUuid } from '#libs/kernel';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import { SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { ForeignEventRow } from '../read/foreign-event.entity';

/** Copies what runs, approvals and actions of a case say into its timeline. It triggers nothing. */
@Controller()
export class TimelineReactions {
  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(SERVICE_CONTEXT) private readonly context: Pick<ServiceContext, 'personal'>,
  ) {}

  @EventPattern('countersign.run', BUS, { batch: 500 })
  runs(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.copy(messages);
  }

  @EventPattern('countersign.approval', BUS, { batch: 500 })
  approvals(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.copy(messages);
  }

  @EventPattern('countersign.action', BUS, { batch: 500 })
  actions(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.copy(messages);
  }

  private async copy(messages: readonly BusMessage[]): Promise<Outcome[]> {
    // Kept as the ledger keeps them: an erasure reaches these copies too.
    const rows = messages.flatMap((message) => rowOf(this.context.personal.sealMessage(message)) ?? []);
    if (rows.length > 0) {
      await withTenant(this.database, ALL_TENANTS, (tx) => insertOnce(tx, rows));
    }
    return messages.map(() => done);
  }
}

/** In one statement: TypeORM's own types for an insert do not know that jsonb holds any object. */
async function insertOnce(tx: EntityManager, rows: readonly ForeignEventRow[]): Promise<void> {
  await tx.query(
    `insert into svc_case.foreign_event
       (event_id, tenant, case_id, category, stream, version, type, schema_version, time, actor, data)
     select "eventId", tenant, "caseId", category, stream, version, type, "schemaVersion", time, actor, data
     from jsonb_to_recordset($1::jsonb) as copied
       ("eventId" uuid, tenant text, "caseId" uuid, category text, stream text, version integer, type text,
        "schemaVersion" integer, time timestamptz, actor jsonb, data jsonb)
     on conflict (event_id) do nothing`,
    [JSON.stringify(rows)],
  );
}

/** Undefined for what belongs to no case. */
function rowOf(message: BusMessage): ForeignEventRow | undefined {
  const { id: eventId, topic, key: stream, type, schemaVersion, tenant, time, actor, data, streamVersion } = message;
  const category = categoryOf(topic);
  const { caseId } = data;
  if (!category || streamVersion === undefined || !isUuid(caseId)) return undefined;
  return {
    eventId,
    tenant,
    caseId,
    category,
    stream,
    version: streamVersion,
    type,
    schemaVersion,
    time: new Date(time),
    actor,
    data,
  };
}
