import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `expectation` no longer throws; throws its last error when the time is up. Milliseconds. */
export async function eventually(expectation: () => unknown, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      await expectation();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(10);
    }
  }
}
