import { ALERTS_TOPIC, type BusMessage, consumerGroup, ENRICHED_ALERTS_TOPIC } from '#libs/bus';
import { newId } from '#libs/kernel';

const DECIDED_ON: readonly (readonly [topic: string, group: string])[] = [
  [ALERTS_TOPIC, consumerGroup('enrichment')],
  [ENRICHED_ALERTS_TOPIC, consumerGroup('case')],
];

/**
 * An alert that died on the way to its outcome has one since: its receipt is rejected, and stays so (invariant 3).
 * Putting it back is a new reception of the same alert, with a receipt of its own; any other message stays as it is.
 */
export function asNewReception(message: BusMessage, group: string): BusMessage {
  if (!DECIDED_ON.some(([topic, decider]) => message.topic === topic && group === decider)) return message;
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
