import { hash, randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** Namespace of every deterministic id of Countersign. Changing it changes every id: never. */
const COUNTERSIGN_NAMESPACE = Buffer.from('f0a1bd0a52c65f5e9a6e6f1d0a2b7c11', 'hex');

const ID_BYTES = 16;
/** Asking for random bytes costs more than all the rest of an id: they are fetched for many. */
const random = Buffer.alloc(256 * ID_BYTES);
let used = random.length;
const last = { msecs: 0, seq: 0 };

/**
 * A new id for something that nothing caused (RFC 9562 version 7). Those of one process ascend, within a millisecond and
 * when the clock jumps back by the counter of section 6.2, method 1.
 */
export function newId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const bytes = random.subarray(used, (used += ID_BYTES));
  const now = Date.now();
  if (now > last.msecs) {
    last.msecs = now;
    // One bit stays free: so many ids that the counter overflows are not made in a millisecond.
    last.seq = bytes.readUInt32BE(6) >>> 1;
  } else {
    last.seq += 1;
  }
  return v7({ random: bytes, ...last });
}

/**
 * The same parts always give the same id (RFC 9562 version 5). The parts are length-prefixed, so no two lists collide. Every
 * alert leads to several, and the library's version 5 takes four times as long: it escapes the name and goes by single bytes.
 */
export function deterministicId(...parts: readonly (string | number)[]): string {
  let name = '';
  for (const part of parts) name += `${String(part).length}:${part}`;
  const bytes = Buffer.allocUnsafe(ID_BYTES + Buffer.byteLength(name));
  COUNTERSIGN_NAMESPACE.copy(bytes);
  bytes.write(name, ID_BYTES, 'utf8');
  const digest = hash('sha1', bytes, 'hex');
  const variant = ((parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return (
    `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-` +
    `${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`
  );
}

/** Invariant 7: the id of the nth event that a message causes on a stream, the same at every redelivery and replay. */
export function eventId(stream: string, causingMessageId: string, ordinal: number): string {
  return deterministicId('event', stream, causingMessageId, ordinal);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);

declare const brand: unique symbol;
/** A string that has been checked, or made, to be one kind of id. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };
export type AlertId = Branded<'AlertId'>;
export type ReceiptId = Branded<'ReceiptId'>;
export type CaseId = Branded<'CaseId'>;
export type PlaybookId = Branded<'PlaybookId'>;
export type RunId = Branded<'RunId'>;
export type ActionId = Branded<'ActionId'>;
export type ApprovalId = Branded<'ApprovalId'>;
