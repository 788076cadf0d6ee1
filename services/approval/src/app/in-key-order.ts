import { retry, type BusMessage, type Outcome } from '#libs/bus';

/**
 * Handles a batch: messages of one key in their order, different keys side by side. What follows a retry waits, even
 * within the batch, so that the end of a run is never handled before a request of it.
 * @throws the first error, once all that was begun has ended.
 */
export async function inKeyOrder(
  messages: readonly BusMessage[],
  handle: (message: BusMessage) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes = new Map<BusMessage, Outcome>();
  const byKey = new Map<string, BusMessage[]>();
  for (const message of messages) byKey.set(message.key, [...(byKey.get(message.key) ?? []), message]);
  const settled = await Promise.allSettled(
    [...byKey.values()].map(async (ofKey) => {
      for (const message of ofKey) {
        const outcome = await handle(message);
        outcomes.set(message, outcome);
        if (outcome.kind === 'retry') return;
      }
    }),
  );
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  return messages.map((message) => outcomes.get(message) ?? retry(0, 'An earlier message of its key is tried again.'));
}
