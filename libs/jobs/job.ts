import type { JsonObject } from '#libs/kernel';

/** Work to be done once, not before `dueAt`: a leased job when it is due at once, a deadline when it is due later. */
export interface JobSpec {
  /** Scheduling the same id again changes nothing, whatever has become of the job. */
  readonly id: string;
  readonly kind: string;
  readonly tenant: string;
  readonly payload: JsonObject;
  /** RFC 3339; judged by the database's clock. Absent: due at once, by that same clock. */
  readonly dueAt?: string;
}

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly tenant: string;
  readonly payload: JsonObject;
  /** 1 for the first try. */
  readonly attempt: number;
  /**
   * An earlier lease of this job ended without a result: its holder was killed or stalled, and may have called the
   * outside before that. Stays true for all later tries.
   */
  readonly takenOver: boolean;
}

export type JobOutcome =
  | { readonly status: 'done' }
  /** Not finished: the job is due again after `afterMs`. */
  | { readonly status: 'again'; readonly afterMs: number };

export interface JobHandlerOptions {
  /** Milliseconds for which a holder owns the job without renewing; it renews at a third of it while it works. */
  readonly leaseMs: number;
  /** Jobs of this kind in hand at once on this instance. */
  readonly concurrency: number;
}

/** `signal` aborts when the lease was lost or the service stops: nothing may be called outside after that. */
export type JobHandler = (job: Job, signal: AbortSignal) => Promise<JobOutcome>;
