import Type, { type Static } from 'typebox';
import { SigningKey } from '../action';
import { Closed, Digest, Nullable, Text, Timestamp } from '../schema';
import { eventContracts, type EventOf } from './event';

/** The signed head of the Merkle tree (RFC 6962) over all events up to and with `upTo` in (tx, position) order. */
export const CheckpointSigned = Closed({
  sequence: Type.Integer({ minimum: 1 }),
  /** Number of leaves. */
  size: Type.Integer({ minimum: 0 }),
  root: Digest,
  /** Cursor of the last event covered, decimal strings; null for an empty ledger. */
  upTo: Nullable(Closed({ tx: Type.String({ pattern: '^\\d+$' }), position: Type.String({ pattern: '^\\d+$' }) })),
  /** SHA-256 over the canonical form of the checkpoint before, with its signature; null for the first. */
  previous: Nullable(Digest),
  signedAt: Timestamp,
  keyId: Text(100),
  /** Ed25519 over the RFC 8785 form of the fields above, base64url. */
  signature: Type.String({ pattern: '^[\\w-]{86}$' }),
});
export type CheckpointSigned = Static<typeof CheckpointSigned>;

/** Streams `checkpoint-keys` and `checkpoint-log`: of the installation, and shown to every tenant. */
export const checkpointEvents = eventContracts('checkpoint', { SigningKeyPublished: SigningKey, CheckpointSigned });
export type CheckpointEvent = EventOf<typeof checkpointEvents>;
