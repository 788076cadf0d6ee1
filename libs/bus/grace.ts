/** How long stopping waits for the batches in hand. What is not recorded by then is delivered again. */
const GRACE_MS = 3_500;

/** Resolves when all of `endings` have ended, well or not, or the time of grace is over. */
export async function withinGrace(endings: readonly Promise<unknown>[], graceMs = GRACE_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([Promise.allSettled(endings), over]);
  clearTimeout(timer);
}
