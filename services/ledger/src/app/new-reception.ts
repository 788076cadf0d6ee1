import { ALERT_TOPICS, type BusMessage, consumerGroup, ENRICHED_ALERT_TOPICS } from '#libs/bus';
import { newId } from '#libs/kernel';

const DECIDED_ON: readonly (readonly [topics: readonly string[], group: string])[] = [
  [Object.values(ALERT_TOPICS), consumerGroup('enrichment')],
  [Object.values(ENRICHED_ALERT_TOPICS), consumerGroup('case')],
];

/**
 * An alert that died on the way to its outcome has one since: its receipt is rejected, and stays so (invariant 3).
 * Putting it back is a new reception of the same alert, with a receipt of its own; any other message stays as it is.
 */
export function asNewReception(message: BusMessage, group: string): BusMessage {
  if (!DECIDED_ON.some(([topics, decider]) => topics.includes(message.topic) && group === decider)) return message;
  const { receiptId } = message.data;
  const renewed = newId();
  return {
    ...message,
    id: renewed,
    key: message.key === receiptId ? renewed : message.key,
    correlationId: renewed,
    causationId: message.id,
    data: { ...message.data, receiptId: renewed },
  };
}
