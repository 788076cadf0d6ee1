import { isDeadTopic, messageContract } from '#contracts/topics';
import { upcast } from '#contracts/versioned-contract';
import { DomainError } from '#libs/kernel';
import { dead, type BatchHandler, type BusMessage, type Outcome } from './port';
import { isOutage, outcomeOfError } from './retry-policy';

/** A message on its way to a handler; `attempts` is how often it has been handled before. */
export interface Delivery {
  readonly message: BusMessage;
  readonly attempts: number;
}

/** What is to be recorded for a delivery. `behind`: an earlier message of its key is to be retried first. */
export type Verdict = Outcome | { readonly kind: 'behind' };

export interface DispatchPolicy {
  /** After so many attempts, a message that still asks for a retry is dead. */
  readonly attempts: number;
  /** A handler that has not answered by then has failed. Milliseconds. */
  readonly timeoutMs: number;
  /** Opens what is sealed in a message, before it is handled. What is parked or dead stays sealed. */
  readonly open: (message: BusMessage) => BusMessage;
  /** Whether the handler gets what is in the version of now without its being opened. */
  readonly sealed?: boolean;
  /** Whether an outage of our own database or bus may put the whole batch off, by throwing `PutOff`. */
  readonly mayPutOff: boolean;
}

/** The batch is to be delivered again as a whole, later: the trouble is not with its messages. */
export class PutOff extends Error {
  override readonly name = 'PutOff';
}

/**
 * One verdict for each delivery, in the same order. A handler that throws is called again with halves of the batch,
 * down to the message at fault, so that one poisoned message costs no other its outcome. The handler gets messages in
 * the versions that this release writes; one of a later version waits for the later release, as for anything that may
 * pass. What is parked or dead stays as it came.
 *
 * @param contractOf by topic and type; for tests with types that the product does not have.
 */
export async function dispatch(
  handler: BatchHandler,
  deliveries: readonly Delivery[],
  policy: DispatchPolicy,
  contractOf = messageContract,
): Promise<Verdict[]> {
  const handleCurrent: BatchHandler = (messages) =>
    handler(messages.map((message) => asHandled(message, policy, contractOf)));
  const verdicts = new Map<Delivery, Verdict>();
  const waiting = new Set<string>();

  const settle = (delivery: Delivery, outcome: Outcome) => {
    if (waiting.has(delivery.message.key)) return;
    const verdict = bounded(outcome, delivery, policy);
    if (verdict.kind === 'retry') waiting.add(delivery.message.key);
    verdicts.set(delivery, verdict);
  };

  const handle = async (part: readonly Delivery[]): Promise<void> => {
    const ready = part.filter(({ message }) => !waiting.has(message.key));
    const [first] = ready;
    if (first === undefined) return;
    let outcomes: readonly Outcome[];
    try {
      outcomes = await answer(handleCurrent, ready, policy.timeoutMs);
    } catch (error) {
      if (policy.mayPutOff && isOutage(error)) throw new PutOff('The handler met an outage', { cause: error });
      if (ready.length === 1) return settle(first, outcomeOfError(error, first.attempts + 1));
      const middle = Math.ceil(ready.length / 2);
      await handle(ready.slice(0, middle));
      return handle(ready.slice(middle));
    }
    for (const [index, delivery] of ready.entries()) settle(delivery, outcomes[index] ?? NO_ANSWER);
  };

  await handle(deliveries);
  return deliveries.map((delivery) => verdicts.get(delivery) ?? { kind: 'behind' });
}

const NO_ANSWER = dead('internal', 'The handler gave no outcome for the message');

function asHandled(message: BusMessage, policy: DispatchPolicy, contractOf: typeof messageContract): BusMessage {
  const { topic, type, schemaVersion } = message;
  if (policy.sealed === true && contractOf(topic, type)?.version === schemaVersion) return message;
  return current(policy.open(message), contractOf);
}

/** Nothing is interpreted on a dead topic: it says what died as it was, even of its version. */
function current(message: BusMessage, contractOf: typeof messageContract): BusMessage {
  return isDeadTopic(message.topic) ? message : upcast(contractOf(message.topic, message.type), message);
}

async function answer(handler: BatchHandler, batch: readonly Delivery[], timeoutMs: number): Promise<Outcome[]> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DomainError('service_unavailable', `The handler gave no answer within ${timeoutMs} ms`));
    }, timeoutMs).unref();
  });
  try {
    const outcomes: unknown = await Promise.race([handler(batch.map(({ message }) => message)), tooLate]);
    if (!Array.isArray(outcomes) || outcomes.length !== batch.length || !outcomes.every(isOutcome)) {
      throw new DomainError('internal', `The handler must return one outcome for each of the ${batch.length} messages`);
    }
    return outcomes;
  } finally {
    clearTimeout(timer);
  }
}

function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return value.kind === 'done' || value.kind === 'dead' || value.kind === 'retry';
}

/** Nothing is retried forever (invariant 6). */
function bounded(outcome: Outcome, delivery: Delivery, policy: DispatchPolicy): Outcome {
  const attempts = delivery.attempts + 1;
  if (outcome.kind !== 'retry' || attempts < policy.attempts) return outcome;
  return dead(outcome.code ?? 'retries_exhausted', `Given up after ${attempts} attempts: ${outcome.reason}`);
}
