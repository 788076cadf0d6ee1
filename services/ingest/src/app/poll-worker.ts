import type { OnModuleInit } from '@nestjs/common';
import { Counter } from 'prom-client';
import type { Job, JobOutcome } from '#libs/jobs';
import { DomainError } from '#libs/kernel';
import type { ServiceContext, ServiceMetrics } from '#libs/service';
import { KeptToken } from '../adapters/polls/access-tokens';
import { POLL_JOB, polledBy } from '../read/poll.projection';
import type { PollRun, PollRuns } from '../read/poll-runs';
import { pollSource, type PollParts } from './source-poll';

/** A poll that fails is tried again after its interval, then later each time, up to this (or the interval). Milliseconds. */
const LONGEST_BACK_OFF_MS = 15 * 60_000;

/** Sources that the metrics show by name; all others together are `other`. */
const MOST_SOURCES = 100;

export interface PollWorkerOptions {
  readonly leaseMs: number;
  /** Sources that this instance polls at once. */
  readonly concurrency: number;
}

/**
 * Polls the sources that are to be polled. Each is a leased job: one instance polls it at a time, judged by the database's
 * clock, and another takes over when that one dies.
 */
export class PollWorker implements OnModuleInit {
  /** By source and revision: another configuration has other credentials. */
  private readonly tokens = new Map<string, KeptToken>();
  private readonly failures: Counter<'source' | 'reason'>;
  private readonly named = new Set<string>();

  constructor(
    private readonly context: PollParts['context'] & Pick<ServiceContext, 'jobs' | 'logger'>,
    private readonly parts: Omit<PollParts, 'context'>,
    private readonly runs: PollRuns,
    metrics: ServiceMetrics,
    private readonly options: PollWorkerOptions,
  ) {
    this.failures = new Counter({
      name: 'countersign_poll_failures_total',
      help: 'Polls that failed, by source and reason (a code of the catalogue of problems)',
      labelNames: ['source', 'reason'],
      registers: [metrics.prometheus],
    });
    metrics.gauge('countersign_poll_lag_seconds', 'Time that no poll has covered yet', ['source'], async () =>
      (await this.runs.lags(MOST_SOURCES)).map(({ source, seconds }) => ({ labels: { source }, value: seconds })),
    );
  }

  onModuleInit(): void {
    this.context.jobs.handle(POLL_JOB, this.options, (job, signal) => this.work(job, signal));
  }

  private async work({ tenant, payload }: Job, signal: AbortSignal): Promise<JobOutcome> {
    const run: PollRun = { tenant, ...polledBy(payload) };
    const name = `${run.sourceId}-${run.revision}`;
    const token = this.tokens.get(name) ?? new KeptToken();
    this.tokens.set(name, token);
    const polled = await this.poll(run, token, signal);
    if (polled === undefined) this.tokens.delete(name);
    return polled === undefined ? { status: 'done' } : { status: 'again', afterMs: polled };
  }

  /** @returns after how many milliseconds to poll again; undefined when the source is not polled so any more. */
  private async poll(run: PollRun, token: KeptToken, signal: AbortSignal): Promise<number | undefined> {
    await this.runs.began(run);
    try {
      const polled = await pollSource(run, { context: this.context, ...this.parts }, token, signal);
      if (polled === undefined) return undefined;
      await this.runs.succeeded(run, polled.completeUntil);
      return polled.intervalSeconds * 1_000;
    } catch (error) {
      // The lease is lost, or the service stops: whoever holds it next begins at once.
      if (signal.aborted) return 0;
      return this.afterFailure(run, error);
    }
  }

  private async afterFailure(run: PollRun, error: unknown): Promise<number> {
    const known =
      error instanceof DomainError ? error : new DomainError('internal', { reason: String(error), cause: error });
    const { failures, source, intervalSeconds } = await this.runs.failed(run, known);
    if (this.named.size < MOST_SOURCES) this.named.add(source);
    this.failures.inc({ source: this.named.has(source) ? source : 'other', reason: known.code });
    this.context.logger.warn({ err: known, source, failures }, 'a poll failed and is tried again');
    const intervalMs = intervalSeconds * 1_000;
    const backOffMs = Math.min(intervalMs * 2 ** Math.min(failures - 1, 20), Math.max(intervalMs, LONGEST_BACK_OFF_MS));
    return Math.max(backOffMs, (known.retryAfterSeconds ?? 0) * 1_000);
  }
}
