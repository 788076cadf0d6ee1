import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource, IsNull } from 'typeorm';
import { type Job, type JobOutcome, JobQueue } from '#libs/jobs';
import { newId } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { JOBS } from '#libs/service';
import { RunRow } from '../read/run.entity';
import type { Asking } from './playbook-library';
import { ORCHESTRATOR, RunConductor } from './run-conductor';
import { RUN_DEADLINE, STEP_TIMEOUT } from './run-deadline-jobs';
import { STOP_RUNS, type StopRuns } from './stop-runs-job';

const LEASE_MS = 30_000;
/** Runs that one look at the read model stops; it looks again until there are none. */
const AT_ONCE = 100;
/** A run that has just started may not be in the read model: one more look after this many milliseconds. */
const LAST_LOOK_MS = 2_000;

/** Nothing waits forever (invariant 6): deadlines are rows in the database, and a restart loses none. */
@Injectable()
export class RunDeadlines implements OnModuleInit {
  constructor(
    @Inject(JOBS) private readonly jobs: JobQueue,
    @Inject(RunConductor) private readonly runs: RunConductor,
    @Inject(DataSource) private readonly database: DataSource,
  ) {}

  onModuleInit(): void {
    const options = { leaseMs: LEASE_MS, concurrency: 4 };
    this.jobs.handle(RUN_DEADLINE, options, (job) => this.endRun(job));
    this.jobs.handle(STEP_TIMEOUT, options, (job) => this.endStep(job));
    this.jobs.handle(STOP_RUNS, { ...options, concurrency: 1 }, (job) => this.stopRuns(job));
  }

  private async endRun(job: Job): Promise<JobOutcome> {
    await this.runs.stop(String(job.payload.runId), 'deadline', 'The run has not ended in its time.', askingOf(job));
    return { status: 'done' };
  }

  private async endStep(job: Job): Promise<JobOutcome> {
    await this.runs.expire(String(job.payload.runId), String(job.payload.actionId), askingOf(job));
    return { status: 'done' };
  }

  private async stopRuns(job: Job): Promise<JobOutcome> {
    // Written by `stopRunsJob` alone.
    const cause = job.payload as unknown as StopRuns;
    const where =
      cause.kind === 'case_closed'
        ? { caseId: cause.caseId }
        : { playbookId: cause.playbookId, playbookDigest: cause.digest };
    const reason = cause.kind === 'case_closed' ? 'The case was closed.' : 'The playbook was retired.';
    const open = await withTenant(this.database, job.tenant, (tx) =>
      tx.find(RunRow, { where: { tenant: job.tenant, endedAt: IsNull(), ...where }, take: AT_ONCE }),
    );
    for (const { runId } of open) await this.runs.stop(runId, cause.kind, reason, askingOf(job, runId));
    return open.length > 0 || job.attempt === 1 ? { status: 'again', afterMs: LAST_LOOK_MS } : { status: 'done' };
  }
}

/** The job is the cause: tried again, it gives the same events (invariant 7). */
function askingOf({ id, tenant }: Job, run = ''): Asking {
  return {
    tenant,
    actor: ORCHESTRATOR,
    meta: { correlationId: newId(), causationId: run === '' ? id : `${id}:${run}` },
  };
}
