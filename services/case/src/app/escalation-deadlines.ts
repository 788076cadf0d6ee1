import type { DataSource } from 'typeorm';
import { serviceActor } from '#contracts/envelope';
import type { EscalateBody } from '#contracts/http/case';
import { type EventStore, execute, type Snapshots } from '#libs/event-store';
import type { JobQueue } from '#libs/jobs';
import { type Clock, DomainError } from '#libs/kernel';
import { databaseNow } from '#libs/read-model';
import { caseDecider } from '../domain/case.decider';
import { ESCALATION_DEADLINE } from '../read/case-list.projection';

const LONGEST_MINUTES = 43_200;

/** The deadlines of escalations, judged by the database's clock alone (invariant 6). */
export class EscalationDeadlines {
  constructor(
    private readonly database: DataSource,
    private readonly store: EventStore,
    private readonly snapshots: Snapshots,
    private readonly clock: Clock,
  ) {}

  /** RFC 3339. Throws DomainError('invalid_field') unless exactly one form is given and it lies within 30 days. */
  async deadlineOf({ deadline, withinMinutes }: Pick<EscalateBody, 'deadline' | 'withinMinutes'>): Promise<string> {
    if ((deadline === undefined) === (withinMinutes === undefined)) {
      throw wrong('Give a deadline or withinMinutes, and not both.');
    }
    const now = (await databaseNow(this.database)).getTime();
    const at = deadline === undefined ? now + (withinMinutes ?? 0) * 60_000 : Date.parse(deadline);
    if (!(at > now)) throw wrong('It has passed already.');
    if (at > now + LONGEST_MINUTES * 60_000) throw wrong('It lies more than 30 days ahead.');
    return new Date(at).toISOString();
  }

  /** Who has not acknowledged by then has let it expire. */
  watch(jobs: JobQueue): void {
    jobs.handle(ESCALATION_DEADLINE, { leaseMs: 30_000, concurrency: 4 }, async ({ id, tenant, payload }) => {
      const { caseId, escalationId } = payload;
      if (typeof caseId !== 'string' || typeof escalationId !== 'string') {
        throw new DomainError('internal', `the deadline ${id} names no escalation`);
      }
      const context = {
        category: 'case',
        stream: `case-${caseId}`,
        tenant,
        actor: serviceActor('case'),
        meta: { correlationId: escalationId, causationId: escalationId },
        time: this.clock.now(),
      } as const;
      await execute(this.store, caseDecider, context, { type: 'ExpireEscalation', escalationId }, this.snapshots);
      return { status: 'done' };
    });
  }
}

function wrong(reason: string): DomainError {
  return new DomainError('invalid_field', { field: 'deadline', reason });
}
