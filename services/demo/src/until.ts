/** Polls until `look` finds something. Throws after `timeoutMs`, naming what was awaited. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s for ${what}, in vain.`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
