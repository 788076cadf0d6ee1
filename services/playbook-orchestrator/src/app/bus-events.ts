import type { Category, EventMeta } from '#contracts/envelope';
import type { EventContract, EventOf } from '#contracts/events/event';
import { eventContract } from '#contracts/events/index';
import { type BusMessage, childTraceparent, dead, done, type Outcome } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import { demandValid } from '#libs/service';

/** How many keys of a batch are worked on at once: each waits for the database most of the time. */
const AT_ONCE = 8;

/**
 * The event in a message, checked against its contract; undefined for a type that is none of `contracts`.
 * @throws DomainError('unknown_schema_version'), or the field that is wrong: the message is dead.
 */
export function eventIn<Contracts extends Record<string, EventContract>>(
  contracts: Contracts,
  category: Category,
  { type, schemaVersion, data }: BusMessage,
): EventOf<Contracts> | undefined {
  if (!Object.hasOwn(contracts, type)) return undefined;
  const contract = eventContract(category, type);
  if (contract === undefined || contract.version !== schemaVersion) {
    throw new DomainError('unknown_schema_version', {
      field: 'schemaVersion',
      reason: `${type} has version ${schemaVersion}; this release knows ${contract?.version ?? 'none'}`,
    });
  }
  demandValid(contract.schema, data, 'data');
  // Checked against the contract of its type above.
  return { type, data } as unknown as EventOf<Contracts>;
}

/** What an event that a message causes says about it. */
export function metaOf({ id, correlationId, traceparent }: BusMessage): EventMeta {
  return { correlationId, causationId: id, traceparent: childTraceparent(traceparent) };
}

/**
 * One outcome for each message: in order within a key, several keys at once. What the domain refuses is dead; after a
 * retry the rest of its key waits. Any other error is thrown on, and the bus finds the message at fault.
 */
export async function handleByKey(
  messages: readonly BusMessage[],
  handle: (message: BusMessage) => Promise<Outcome>,
): Promise<Outcome[]> {
  const byKey = new Map<string, [number, BusMessage][]>();
  for (const [index, message] of messages.entries()) {
    byKey.set(message.key, [...(byKey.get(message.key) ?? []), [index, message]]);
  }
  const outcomes = new Map<number, Outcome>();
  const keys = [...byKey.values()];
  const worker = async (): Promise<void> => {
    for (let own = keys.shift(); own !== undefined; own = keys.shift()) await handleInOrder(own, outcomes, handle);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, keys.length) }, worker));
  return messages.map((_, index) => outcomes.get(index) ?? done);
}

async function handleInOrder(
  messages: readonly (readonly [number, BusMessage])[],
  outcomes: Map<number, Outcome>,
  handle: (message: BusMessage) => Promise<Outcome>,
): Promise<void> {
  let waiting: Outcome | undefined;
  for (const [index, message] of messages) {
    const outcome = waiting ?? (await outcomeOf(message, handle));
    if (outcome.kind === 'retry') waiting = outcome;
    outcomes.set(index, outcome);
  }
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
