import { createHmac, randomInt } from 'node:crypto';
import { isUuid } from '#libs/kernel';
import { HecError } from '../domain/hec-error';

/** An id has 53 bits, as much as a JSON number holds exactly: a running number and, below it, the proof that it was given. */
const NUMBER_BITS = 29;
const PROOF_BITS = 24;

/**
 * Acknowledgements of Splunk's HTTP Event Collector (Splunk Enterprise, "About HTTP Event Collector Indexer
 * Acknowledgment"). An id is given once its events are durable, and proves by itself that it was: whichever instance is
 * asked, before or after a restart, knows it without having kept anything, and no other number is ever acknowledged.
 */
export class HecAcknowledgements {
  private next = randomInt(2 ** NUMBER_BITS);

  /** For events of `sourceId` that are durable. @param channel as `channelOf` returns it. */
  give(sourceId: string, channel: string): number {
    this.next = (this.next + 1) % 2 ** NUMBER_BITS;
    return this.next * 2 ** PROOF_BITS + proofOf(sourceId, channel, this.next);
  }

  wasGiven(sourceId: string, channel: string, id: number): boolean {
    if (!Number.isSafeInteger(id) || id < 0) return false;
    return id % 2 ** PROOF_BITS === proofOf(sourceId, channel, Math.floor(id / 2 ** PROOF_BITS));
  }
}

/** Not a secret: whoever forges one deceives nobody but themselves. */
function proofOf(sourceId: string, channel: string, number: number): number {
  return createHmac('sha256', sourceId)
    .update(`${channel}/${number}`)
    .digest()
    .readUIntBE(0, PROOF_BITS / 8);
}

/**
 * The channel that a request names by `X-Splunk-Request-Channel` or `?channel=`; `undefined` for none.
 * @throws HecError 11 for one that is no UUID.
 */
export function channelOf(header: string | readonly string[] | undefined, query: unknown): string | undefined {
  const asked = typeof query === 'object' && query !== null ? Reflect.get(query, 'channel') : undefined;
  const channel = typeof header === 'string' && header !== '' ? header : asked;
  if (channel === undefined || channel === '') return undefined;
  if (typeof channel === 'string' && isUuid(channel)) return channel.toLowerCase();
  throw new HecError(11, 'A channel is a UUID.');
}
