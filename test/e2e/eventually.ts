import { PATIENCE_MS } from './running-demo';

/**
 * Looks again and again until `look` finds something; what it throws while it waits is told at the end.
 * @param what is awaited, for the message of the failure
 */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  let trouble: unknown;
  while (Date.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      trouble = undefined;
    } catch (error) {
      trouble = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${what}`, { cause: trouble });
}
