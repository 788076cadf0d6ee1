type Listener = (topics: ReadonlySet<string>) => void;

const listeners = new Set<Listener>();

/**
 * Wakes the consumers of this process, whatever service they belong to, after something was published to the log.
 * Polling remains the truth: NOTIFY would take a lock at every commit.
 */
export function signalPublished(topics: ReadonlySet<string>): void {
  for (const listener of listeners) listener(topics);
}

/** Returns the unsubscribe function. */
export function onPublished(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
