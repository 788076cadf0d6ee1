import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { DomainError } from '#libs/kernel';

/** The raw 32 bytes of an Ed25519 public key in base64url: the JWK's `x` (RFC 8037). */
export function publicKeyText(key: KeyObject): string {
  const { kty, crv, x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  if (kty !== 'OKP' || crv !== 'Ed25519' || x === undefined) {
    throw new DomainError('signing_key_invalid', 'The key is not an Ed25519 key.');
  }
  return x;
}

/** The public key of 32 raw bytes in base64url. */
export function publicKeyOf(text: string): KeyObject {
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text }, format: 'jwk' });
  } catch (cause) {
    throw new DomainError('signing_key_invalid', {
      field: 'publicKey',
      reason: 'These are not the 32 bytes of an Ed25519 public key in base64url.',
      cause,
    });
  }
}

/** A key's id is its JWK thumbprint (RFC 7638, SHA-256, base64url): an id can never come to mean another key. */
export function keyIdOf(publicKey: string): string {
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${publicKey}"}`).digest('base64url');
}
