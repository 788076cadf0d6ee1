import { retry, type BusMessage, type Outcome } from './port';

/**
 * For a handler that takes a batch apart: messages of one key one after the other, different keys side by side. What
 * follows a retry is not handled, so that nothing overtakes within its key, not even inside of a batch.
 * @param concurrency how many keys at a time.
 * @throws the first error, once everything that was begun has ended. The bus then calls the handler again with halves.
 */
export async function inKeyOrder(
  messages: readonly BusMessage[],
  handle: (message: BusMessage) => Promise<Outcome>,
  concurrency = 8,
): Promise<Outcome[]> {
  const outcomes = new Map<BusMessage, Outcome>();
  const byKey = new Map<string, BusMessage[]>();
  for (const message of messages) {
    const ofKey = byKey.get(message.key);
    if (ofKey) ofKey.push(message);
    else byKey.set(message.key, [message]);
  }
  const queue = [...byKey.values()];
  const errors: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let ofKey = queue.shift(); ofKey !== undefined && errors.length === 0; ofKey = queue.shift()) {
      try {
        for (const message of ofKey) {
          const outcome = await handle(message);
          outcomes.set(message, outcome);
          if (outcome.kind === 'retry') break;
        }
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  if (errors.length > 0) throw errors[0];
  return messages.map((message) => outcomes.get(message) ?? retry(0, 'an earlier message of its key is tried again'));
}
