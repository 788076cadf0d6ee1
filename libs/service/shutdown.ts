import type { Logger } from 'pino';

/** A service is given this long from the signal to its end. */
export const SHUTDOWN_MS = 10_000;

export interface ShutdownStep {
  readonly name: string;
  /** After so many milliseconds the next step begins all the same. The budgets of all steps add up to less than 10 s. */
  readonly budgetMs: number;
  readonly run: () => Promise<unknown> | unknown;
}

/** Runs the steps one after another, each within its budget; one that fails or hangs keeps none of the later ones. */
export async function shutDown(steps: readonly ShutdownStep[], logger: Logger): Promise<void> {
  for (const { name, budgetMs, run } of steps) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), budgetMs);
    });
    try {
      const outcome = await Promise.race([Promise.resolve().then(run), late]);
      if (outcome === 'late') logger.warn({ step: name, budgetMs }, 'stopping takes too long here and goes on');
    } catch (error) {
      logger.error({ err: error, step: name }, 'stopping failed here and goes on');
    } finally {
      clearTimeout(timer);
    }
  }
}
