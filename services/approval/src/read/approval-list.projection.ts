import type { RecordedEvent } from '#libs/event-store';
import type { Projection } from '#libs/read-model';
import type { EntityManager } from 'typeorm';
import { In } from 'typeorm';
import { recordAfter, type ApprovalRecord } from './approval-record';
import { ApprovalRow } from './approval.entity';

/** The list of approvals. */
export const approvalListProjection: Projection = {
  name: 'approvals',
  categories: ['approval'],
  entities: [ApprovalRow],

  async apply(events, tx) {
    const changed = new Map<string, { tenant: string; record: ApprovalRecord }>();
    const known = await knownRecords(events, tx);
    for (const event of events) {
      const id = approvalIdOf(event);
      const record = recordAfter(changed.get(id)?.record ?? known.get(id), event);
      if (record !== undefined) changed.set(id, { tenant: event.tenant, record });
    }
    const rows = [...changed.values()].map(({ tenant, record }) => rowOf(tenant, record));
    await tx.save(rows, { reload: false, transaction: false });
  },
};

async function knownRecords(events: readonly RecordedEvent[], tx: EntityManager): Promise<Map<string, ApprovalRecord>> {
  const ids = [...new Set(events.map(approvalIdOf))];
  const rows = await tx.findBy(ApprovalRow, { id: In(ids) });
  return new Map(rows.map((row) => [row.id, row.record]));
}

function rowOf(tenant: string, record: ApprovalRecord): ApprovalRow {
  const { id, kind, status, caseId, openedAt } = record;
  return Object.assign(new ApprovalRow(), { id, tenant, kind, status, caseId, openedAt: new Date(openedAt), record });
}

const approvalIdOf = ({ stream }: RecordedEvent): string => stream.slice('approval-'.length);
