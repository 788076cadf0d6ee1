import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { DomainError, findUnstorableText, type JsonValue } from '#libs/kernel';
import type { KeyRing, SubjectKey } from './key-ring';

/**
 * An encrypted value, as the ledger and the bus carry it: `<form>.<ring>.<leaf>.<nonce, ciphertext and tag in base64url>`.
 * AES-256-GCM under the leaf's key, with a random nonce of 12 bytes and a tag of 16; what stands before the last point is
 * authenticated with it, the point too. The plaintext of form 1 is the value as JSON, of form 2 that JSON compressed by
 * DEFLATE (RFC 1951).
 */
export type Sealed = string;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NAME = /^[12]\.[\w-]{8}\.[0-9a-f]{14}\.$/;
const NAME_LENGTH = 26;

export function isSealed(value: unknown): value is Sealed {
  return typeof value === 'string' && value.length > NAME_LENGTH && NAME.test(value.slice(0, NAME_LENGTH));
}

type Form = 1 | 2;
const nameOf = (form: Form, ringId: string, { leaf }: SubjectKey): string => `${form}.${ringId}.${leaf}.`;

export const isSealedWith = (sealed: Sealed, ringId: string, subjectKey: SubjectKey): boolean =>
  sealed.startsWith(nameOf(1, ringId, subjectKey).slice(1), 1);

/**
 * Shorter texts are sealed as they are: compressing them costs as much, and saves little. UTF-16 units. Decision 0023 tells
 * what a length can give away.
 */
const COMPRESSED_FROM = 1024;
/** An alert says most things twice, its original and its finding: the least effort finds that. */
const COMPRESSION = { level: 1, memLevel: 6, windowBits: 13 } as const;
/** Room that is made for each value that is opened, of which most need less; zlib takes 16 KiB by itself. */
const EXPANDED_IN = { chunkSize: 8 * 1024 } as const;

/** Random numbers cost a call to the system each: they are fetched in bulk. */
const nonces = Buffer.alloc(NONCE_BYTES * 1024);
let nextNonce = nonces.length;

function takeNonce(): Buffer {
  if (nextNonce === nonces.length) {
    randomFillSync(nonces);
    nextNonce = 0;
  }
  nextNonce += NONCE_BYTES;
  return nonces.subarray(nextNonce - NONCE_BYTES, nextNonce);
}

/** How JSON.stringify writes NUL and lone surrogates; a text that speaks of them looks the same. */
const MAYBE_UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** @throws DomainError('invalid_character') for a value that could not be stored in the open either. */
export function seal(value: JsonValue, ringId: string, subjectKey: SubjectKey): Sealed {
  // Not in canonical form, which takes four times as long: what is hashed is the ciphertext.
  const text = JSON.stringify(value);
  if (MAYBE_UNSTORABLE.test(text)) refuseUnstorable(value);
  const isLong = text.length >= COMPRESSED_FROM;
  const name = nameOf(isLong ? 2 : 1, ringId, subjectKey);
  const nonce = takeNonce();
  const cipher = createCipheriv('aes-256-gcm', subjectKey.key, nonce);
  cipher.setAAD(Buffer.from(name));
  const parts = [
    nonce,
    cipher.update(isLong ? deflateRawSync(text, COMPRESSION) : Buffer.from(text)),
    cipher.final(),
    cipher.getAuthTag(),
  ];
  return name + Buffer.concat(parts).toString('base64url');
}

/**
 * @returns undefined when the key was destroyed.
 * @throws DomainError('personal_key_missing') when the value was sealed with the keys of another ring, or it was changed.
 */
export function open(sealed: Sealed, ring: KeyRing): JsonValue | undefined {
  const name = sealed.slice(0, NAME_LENGTH);
  const [form, ringId = '', leaf = ''] = name.split('.');
  if (ringId !== ring.id) {
    throw new DomainError('personal_key_missing', {
      field: 'enc',
      reason: `was sealed with the keys ${ringId}, and this installation has ${ring.id}: restore that file`,
    });
  }
  const key = ring.keyOf(leaf);
  if (!key) return undefined;
  const bytes = Buffer.from(sealed.slice(NAME_LENGTH), 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAAD(Buffer.from(name));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    const plain = decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES));
    // Empty, for this mode has no blocks: it throws when the tag does not fit, before anything is made of the bytes.
    decipher.final();
    return JSON.parse((form === '2' ? inflateRawSync(plain, EXPANDED_IN) : plain).toString('utf8')) as JsonValue;
  } catch (cause) {
    throw new DomainError('personal_key_missing', { field: 'enc', reason: 'was changed after it was sealed', cause });
  }
}

/** What PostgreSQL would refuse in the open must not come out of a sealed value. */
function refuseUnstorable(value: JsonValue): void {
  const path = findUnstorableText(value, 'value');
  if (path === undefined) return;
  throw new DomainError('invalid_character', {
    field: path,
    reason: 'the text holds NUL or a lone surrogate, which cannot be stored; remove or escape it',
  });
}
