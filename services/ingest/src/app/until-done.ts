import { DomainError } from '#libs/kernel';

const PAUSE_MS = 1_000;

/**
 * Tries again what cannot be done just now: for work that nobody outside can be asked to repeat.
 * @param holdBack undefined for work that somebody else repeats; else until it aborts.
 * @throws what is not to be had by waiting, and the last error once `holdBack` has aborted.
 */
export async function untilDone<Result>(
  holdBack: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (holdBack === undefined || holdBack.aborted || !passes(error)) throw error;
      const seconds = error instanceof DomainError ? error.retryAfterSeconds : undefined;
      await pause(seconds === undefined ? PAUSE_MS : seconds * 1_000, holdBack);
    }
  }
}

/** An outage of the database comes as an error of its client. */
function passes(error: unknown): boolean {
  return error instanceof DomainError ? error.retryable : !(error instanceof TypeError || error instanceof RangeError);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
