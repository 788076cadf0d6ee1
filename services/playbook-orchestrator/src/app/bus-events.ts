import type { EventMeta } from '#contracts/envelope';
import type { EventContract, EventOf } from '#contracts/events/event';
import { type BusMessage, dead, inKeyOrder, type Outcome } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import { demandValid } from '#libs/service';

/**
 * The event in a message, checked against its contract; undefined for a type that is none of `contracts`.
 * @throws DomainError naming the field that is wrong: the message is dead.
 */
export function eventIn<Contracts extends Record<string, EventContract>>(
  contracts: Contracts,
  { type, data }: BusMessage,
): EventOf<Contracts> | undefined {
  const contract = Object.hasOwn(contracts, type) ? contracts[type] : undefined;
  if (contract === undefined) return undefined;
  demandValid(contract.schema, data, 'data');
  // Checked against the contract of its type above.
  return { type, data } as unknown as EventOf<Contracts>;
}

/** What an event that a message causes says about it. */
export function metaOf({ id, correlationId, traceparent }: BusMessage): EventMeta {
  return { correlationId, causationId: id, ...(traceparent === undefined ? {} : { traceparent }) };
}

/**
 * One outcome for each message: in order within a key, several keys at once. What the domain refuses is dead; after a
 * retry the rest of its key waits. Any other error is thrown on, and the bus finds the message at fault.
 */
export function handleByKey(
  messages: readonly BusMessage[],
  handle: (message: BusMessage) => Promise<Outcome>,
): Promise<Outcome[]> {
  return inKeyOrder(messages, (message) => outcomeOf(message, handle));
}

async function outcomeOf(message: BusMessage, handle: (message: BusMessage) => Promise<Outcome>): Promise<Outcome> {
  try {
    return await handle(message);
  } catch (error) {
    const mayPass = !(error instanceof DomainError) || error.retryable || error.kind === 'internal';
    if (mayPass || error.code === 'stream_conflict') throw error;
    return dead(error.code, error.reason, error.field);
  }
}
