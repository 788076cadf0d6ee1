import { DomainError } from '#libs/kernel';
import { dead, retry, type Outcome } from './port';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 5 * 60_000;

/** Twenty attempts take about 50 minutes by the delays of `backoffMs`: nothing is retried forever (invariant 6). */
export const DEFAULT_ATTEMPTS = 20;

/** How long to wait after the nth failed attempt (the first is 1), in milliseconds. */
export function backoffMs(attempt: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.max(attempt - 1, 0), LONGEST_DELAY_MS);
}

/**
 * What becomes of a single message whose handler threw. A refusal by the domain is final; what the catalogue calls
 * retryable, a lost race for a stream, and an error that nobody foresaw are tried again. What a later release has
 * written waits for it: while a cluster is upgraded, both run.
 */
export function outcomeOfError(error: unknown, attempt: number): Outcome {
  if (!(error instanceof DomainError)) return retry(backoffMs(attempt), messageOf(error));
  const mayPass = error.retryable || error.kind === 'internal' || error.code === 'stream_conflict';
  const code = error.code === 'unknown_schema_version' ? error.code : undefined;
  return mayPass ? retry(backoffMs(attempt), error.message, code) : dead(error.code, error.reason, error.field);
}

/** Whether our own database or bus is down: then no message is at fault, and the whole batch is put off. */
export function isOutage(error: unknown): boolean {
  return error instanceof DomainError && (error.code === 'database_unavailable' || error.code === 'bus_unavailable');
}

/** An error in one line, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
