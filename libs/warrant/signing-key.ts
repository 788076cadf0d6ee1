import { sign, verify, type KeyObject } from 'node:crypto';
import type { SigningKey } from '#contracts/action';
import { canonicalJson } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { keyIdOf, publicKeyOf, publicKeyText } from './ed25519-key';

/** What a signing key may sign. */
export type SigningPurpose = SigningKey['purpose'];

/** A public key that the root is to vouch for. Times are RFC 3339, UTC. */
export interface KeyToSign {
  readonly purpose: SigningPurpose;
  readonly publicKey: KeyObject;
  readonly notBefore: string;
  readonly notAfter: string | null;
}

type Unsigned = Omit<SigningKey, 'rootSignature'>;

function signedBytes(key: Unsigned): Buffer {
  const { keyId, purpose, algorithm, publicKey, notBefore, notAfter, rootKeyId } = key;
  return Buffer.from(canonicalJson({ keyId, purpose, algorithm, publicKey, notBefore, notAfter, rootKeyId }), 'utf8');
}

/** The key as an event publishes it: its id is its thumbprint, and the root has signed the rest. */
export function signSigningKey(key: KeyToSign, rootPrivate: KeyObject): SigningKey {
  const publicKey = publicKeyText(key.publicKey);
  const unsigned: Unsigned = {
    keyId: keyIdOf(publicKey),
    purpose: key.purpose,
    algorithm: 'Ed25519',
    publicKey,
    notBefore: key.notBefore,
    notAfter: key.notAfter,
    rootKeyId: keyIdOf(publicKeyText(rootPrivate)),
  };
  return { ...unsigned, rootSignature: sign(null, signedBytes(unsigned), rootPrivate).toString('base64url') };
}

/**
 * The public key that `signingKey` publishes, once it is certain that the pinned root vouches for every field of it.
 * Throws DomainError('signing_key_invalid'). Validity in time is the key ring's matter.
 */
export function verifySigningKey(signingKey: SigningKey, rootPublic: KeyObject): KeyObject {
  const refuse = (field: string, reason: string) => new DomainError('signing_key_invalid', { field, reason });
  if (signingKey.algorithm !== 'Ed25519') throw refuse('algorithm', 'Only Ed25519 keys are used.');
  if (signingKey.rootKeyId !== keyIdOf(publicKeyText(rootPublic))) {
    throw refuse('rootKeyId', `The pinned root is another one than ${signingKey.rootKeyId}.`);
  }
  if (signingKey.keyId !== keyIdOf(signingKey.publicKey)) {
    throw refuse('keyId', 'The id is not the thumbprint of the public key.');
  }
  const signature = Buffer.from(signingKey.rootSignature, 'base64url');
  const canonical = signature.toString('base64url') === signingKey.rootSignature;
  if (!canonical || !verify(null, signedBytes(signingKey), rootPublic, signature)) {
    throw refuse('rootSignature', 'The pinned root has not signed this key.');
  }
  return publicKeyOf(signingKey.publicKey);
}
