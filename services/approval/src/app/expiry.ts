import type { OnModuleInit } from '@nestjs/common';
import { serviceActor } from '#contracts/envelope';
import type { Job, JobOutcome, JobQueue } from '#libs/jobs';
import { DomainError } from '#libs/kernel';
import type { DatabaseClock } from '../adapters/database-clock';
import { EXPIRE_APPROVAL } from '../read/deadline.projection';
import type { ApprovalStream } from './approval-stream';

/** Ends what nobody decided in time (invariant 6). */
export class Expiry implements OnModuleInit {
  constructor(
    private readonly jobs: JobQueue,
    private readonly approvals: ApprovalStream,
    private readonly clock: DatabaseClock,
  ) {}

  onModuleInit(): void {
    this.jobs.handle(EXPIRE_APPROVAL, { leaseMs: 30_000, concurrency: 4 }, (job) => this.expire(job));
  }

  /** Idempotent: a second run finds the approval decided, or the event's id in the ledger. */
  private async expire({ id, tenant, payload }: Job): Promise<JobOutcome> {
    const { approvalId, correlationId } = payload;
    if (typeof approvalId !== 'string' || typeof correlationId !== 'string') {
      throw new DomainError('internal', `Job ${id} names no approval.`);
    }
    const now = await this.clock.now();
    const meta = { correlationId, causationId: id };
    const actor = serviceActor('approval');
    const { state } = await this.approvals.run({ type: 'Expire', now }, { tenant, approvalId, actor, meta, time: now });
    if (state.status !== 'pending') return { status: 'done' };
    // The clock was set back since the job was found due.
    return { status: 'again', afterMs: Math.max(500, Date.parse(state.opened.deadline) - now.getTime()) };
  }
}
