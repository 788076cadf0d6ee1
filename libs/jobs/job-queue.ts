import { randomUUID } from 'node:crypto';
import { WakeSignal } from '#libs/kernel';
import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';
import type { Job, JobHandler, JobHandlerOptions, JobSpec } from './job';
import { JobTable, type OpenJobs } from './job-table';

export interface JobQueueOptions {
  readonly database: DataSource;
  /** The service's schema, `svc_<service>`. */
  readonly schema: string;
  readonly logger: Logger;
  /** Milliseconds between looks for due jobs. */
  readonly pollMs?: number;
}

const LONGEST_BACK_OFF_MS = 60_000;

interface Worker extends JobHandlerOptions {
  readonly kind: string;
  readonly handler: JobHandler;
  readonly inHand: Set<Promise<void>>;
}

/**
 * Leased jobs and deadlines of one service, on PostgreSQL: what is scheduled survives any kill -9, is done by one
 * instance at a time, and is taken over when its holder dies. A deadline is a job that is due later.
 */
export class JobQueue {
  private readonly table: JobTable;
  private readonly owner = randomUUID();
  private readonly workers = new Map<string, Worker>();
  private readonly aborting = new AbortController();
  private readonly pollMs: number;
  private polling: Promise<void> | undefined;
  private readonly due = new WakeSignal();

  constructor(private readonly options: JobQueueOptions) {
    this.table = new JobTable(options.schema);
    this.pollMs = options.pollMs ?? 250;
  }

  /** Within `tx` when given: then the jobs exist if and only if that transaction commits. Idempotent by id. */
  async schedule(jobs: readonly JobSpec[], tx: Pick<EntityManager, 'query'> = this.options.database): Promise<void> {
    if (jobs.length === 0) return;
    await this.table.insert(tx, jobs);
    this.due.wake();
  }

  /** Cancels what nobody has begun. */
  async cancel(ids: readonly string[], tx: Pick<EntityManager, 'query'> = this.options.database): Promise<void> {
    if (ids.length > 0) await this.table.cancel(tx, ids);
  }

  /** One handler a kind. A handler that throws is tried again, later each time (at most a minute). */
  handle(kind: string, options: JobHandlerOptions, handler: JobHandler): void {
    if (this.workers.has(kind)) throw new RangeError(`Jobs of kind "${kind}" have a handler already`);
    this.workers.set(kind, { ...options, kind, handler, inHand: new Set() });
    this.due.wake();
  }

  start(): void {
    this.polling ??= this.poll();
  }

  /** Takes no more, lets what is in hand end within `graceMs`, then aborts it: its lease runs out and another takes over. */
  async stop(graceMs = 5_000): Promise<void> {
    const polling = this.polling;
    if (!polling) return;
    this.polling = undefined;
    this.due.wake();
    await polling;
    const inHand = [...this.workers.values()].flatMap((worker) => [...worker.inHand]);
    const grace = setTimeout(() => this.aborting.abort(), graceMs);
    await Promise.all(inHand);
    clearTimeout(grace);
  }

  /** By kind: what has no end yet. */
  open(): Promise<OpenJobs[]> {
    return this.table.open(this.options.database);
  }

  private async poll(): Promise<void> {
    await Promise.resolve();
    while (this.polling) {
      for (const worker of await this.withDueJobs()) await this.claim(worker);
      // Not in step with the others: of a job that comes again and again, each instance gets its share.
      await this.due.wait(this.pollMs * (0.75 + Math.random() / 2));
    }
  }

  /** One look for all kinds: mostly nothing is due. */
  private async withDueJobs(): Promise<Worker[]> {
    const free = [...this.workers.values()].filter((worker) => roomOf(worker) > 0);
    if (free.length < 2) return free;
    try {
      const due = await this.table.dueKinds(
        this.options.database,
        free.map(({ kind }) => kind),
      );
      return free.filter(({ kind }) => due.has(kind));
    } catch (error) {
      this.options.logger.error({ err: error }, 'it cannot be told which jobs are due');
      return [];
    }
  }

  private async claim(worker: Worker): Promise<void> {
    try {
      const room = roomOf(worker);
      const jobs = await this.table.claim(this.options.database, worker.kind, this.owner, worker.leaseMs, room);
      for (const job of jobs) {
        const work: Promise<void> = this.work(worker, job).finally(() => {
          worker.inHand.delete(work);
          this.due.wake();
        });
        worker.inHand.add(work);
      }
    } catch (error) {
      this.options.logger.error({ err: error, kind: worker.kind }, 'due jobs could not be claimed');
    }
  }

  private async work(worker: Worker, job: Job): Promise<void> {
    const { database, logger } = this.options;
    const lost = new AbortController();
    const renewing = setInterval(() => {
      this.table.renew(database, job, this.owner, worker.leaseMs).then(
        (ours) => ours || lost.abort(),
        (error: unknown) => logger.warn({ err: error, job: job.id }, 'a lease could not be renewed'),
      );
    }, worker.leaseMs / 3);
    try {
      const outcome = await worker.handler(job, AbortSignal.any([lost.signal, this.aborting.signal]));
      const recorded =
        outcome.status === 'done'
          ? await this.table.finish(database, job, this.owner)
          : await this.table.putBack(database, job, this.owner, outcome.afterMs, null);
      if (!recorded) logger.warn({ job: job.id, kind: job.kind }, 'a job ended after its lease was lost');
    } catch (error) {
      logger.error(
        { err: error, job: job.id, kind: job.kind, attempt: job.attempt },
        'a job failed and is tried again',
      );
      await this.putBackAfter(error, job);
    } finally {
      clearInterval(renewing);
    }
  }

  private async putBackAfter(error: unknown, job: Job): Promise<void> {
    const afterMs = Math.min(500 * 2 ** Math.min(job.attempt, 10), LONGEST_BACK_OFF_MS);
    const reason = error instanceof Error ? error.message : String(error);
    try {
      await this.table.putBack(this.options.database, job, this.owner, afterMs, reason);
    } catch (unrecorded) {
      this.options.logger.error({ err: unrecorded, job: job.id }, 'the lease runs out instead: the database is away');
    }
  }
}

const roomOf = ({ concurrency, inHand }: Worker): number => concurrency - inHand.size;
