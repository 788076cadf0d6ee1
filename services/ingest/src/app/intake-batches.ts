/** Groups what arrives: a batch ends when it is full, or when nothing has come for a while since its first item. */
export async function* batchesOf<Item>(
  items: AsyncIterable<Item>,
  limits: {
    readonly count: number;
    readonly bytes: number;
    readonly sizeOf: (item: Item) => number;
    /** Milliseconds from a batch's first item. */
    readonly lingerMs: number;
  },
): AsyncGenerator<Item[]> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    let next = iterator.next();
    for (;;) {
      const first = await next;
      if (first.done === true) return;
      const batch = [first.value];
      let bytes = limits.sizeOf(first.value);
      const pause = pauseOf(limits.lingerMs);
      next = iterator.next();
      while (batch.length < limits.count && bytes < limits.bytes) {
        const result = await Promise.race([next, pause.over]);
        if (result === undefined || result.done === true) break;
        batch.push(result.value);
        bytes += limits.sizeOf(result.value);
        next = iterator.next();
      }
      pause.cancel();
      // A failure of the source belongs to the round that awaits it.
      next.catch(() => undefined);
      yield batch;
    }
  } finally {
    // Not awaited: a generator that is waiting for its sender would hold this up.
    void iterator.return?.()?.then(undefined, () => undefined);
  }
}

function pauseOf(ms: number): { readonly over: Promise<undefined>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return { over, cancel: () => clearTimeout(timer) };
}
