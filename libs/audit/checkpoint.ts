import { createHash, sign, verify, type KeyObject } from 'node:crypto';
import type { SigningKey } from '#contracts/action';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { canonicalJson } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { KeyRing, type Signer, type SigningKeys } from '#libs/warrant';

/** What a checkpoint says, before it is signed. */
export type CheckpointClaims = Omit<CheckpointSigned, 'keyId' | 'signature'>;

/** Streams of the category `checkpoint`. */
export const CHECKPOINT_LOG = 'checkpoint-log';
export const CHECKPOINT_KEYS = 'checkpoint-keys';

function signedBytes({ sequence, size, root, upTo, previous, signedAt, keyId }: Omit<CheckpointSigned, 'signature'>) {
  return Buffer.from(canonicalJson({ sequence, size, root, upTo, previous, signedAt, keyId }), 'utf8');
}

export function signCheckpoint(claims: CheckpointClaims, { keyId, privateKey }: Signer): CheckpointSigned {
  const unsigned = { ...claims, keyId };
  return { ...unsigned, signature: sign(null, signedBytes(unsigned), privateKey).toString('base64url') };
}

/** Why the signature of a checkpoint is worth nothing; undefined when it holds. */
export function signatureProblem(checkpoint: CheckpointSigned, keys: SigningKeys): string | undefined {
  const key = keys.publicKey(checkpoint.keyId, 'checkpoint', new Date(checkpoint.signedAt));
  if (!key) return `no key ${checkpoint.keyId} under the pinned root may sign checkpoints at ${checkpoint.signedAt}`;
  return isSignedBy(checkpoint, key) ? undefined : `its signature is not that of key ${checkpoint.keyId}`;
}

function isSignedBy(checkpoint: CheckpointSigned, key: KeyObject): boolean {
  const signature = Buffer.from(checkpoint.signature, 'base64url');
  return (
    signature.toString('base64url') === checkpoint.signature && verify(null, signedBytes(checkpoint), key, signature)
  );
}

/** What the next checkpoint names as its previous: SHA-256 over the canonical form, signature included. */
export function checkpointDigest(checkpoint: CheckpointSigned): string {
  return createHash('sha256').update(canonicalJson(checkpoint)).digest('hex');
}

/**
 * For a checkpoint of somebody else, with the keys that come along.
 * @throws DomainError('signing_key_invalid') for a key that the root does not vouch for.
 * @throws DomainError('invalid_field') when none of them has signed the checkpoint.
 */
export function demandSignature(checkpoint: CheckpointSigned, keys: readonly SigningKey[], root: KeyObject): void {
  const ring = new KeyRing(root);
  for (const key of keys) ring.add(key);
  const problem = signatureProblem(checkpoint, ring);
  if (problem !== undefined) throw new DomainError('invalid_field', { field: 'checkpoint.signature', reason: problem });
}
