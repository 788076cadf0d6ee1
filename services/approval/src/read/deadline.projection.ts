import type { ApprovalEvent } from '#contracts/events/approval';
import type { RecordedEvent } from '#libs/event-store';
import type { JobQueue, JobSpec } from '#libs/jobs';
import type { Projection } from '#libs/read-model';

/** The kind of job that an approval's deadline is. */
export const EXPIRE_APPROVAL = 'expire-approval';

/** Schedules the deadline of every approval that is opened, in the projector's transaction: a restart loses no timer. */
export function deadlineProjection(jobs: Pick<JobQueue, 'schedule'>): Projection {
  return {
    name: 'approval-deadlines',
    categories: ['approval'],
    entities: [],
    async apply(events, tx) {
      await jobs.schedule(events.flatMap(deadlineOf), tx);
    },
  };
}

function deadlineOf({ type, data, tenant, stream, version, meta }: RecordedEvent): JobSpec[] {
  if (type !== 'ApprovalOpened') return [];
  // The ledger holds only what the contract of the category allows.
  const { approvalId, deadline } = data as unknown as Extract<ApprovalEvent, { type: 'ApprovalOpened' }>['data'];
  return [
    {
      id: `expire:${stream}:${version}`,
      kind: EXPIRE_APPROVAL,
      tenant,
      payload: { approvalId, correlationId: meta.correlationId },
      dueAt: deadline,
    },
  ];
}
