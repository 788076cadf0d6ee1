import Type, { type Static } from 'typebox';
import { SigningKey } from './action';
import { CheckpointSigned } from './events/checkpoint';
import { Closed, Digest, Nullable, Text } from './schema';

const KeyId = Type.String({ pattern: '^[\\w-]{43}$', description: "JWK thumbprint of the ledger's root key." });
const PublicKey = Type.String({ pattern: '^[\\w-]{43}$', description: 'Raw 32 bytes, base64url.' });

/** What a ledger tells its witnesses, so that it cannot be rewritten later without contradicting them. */
export const WitnessStatement = Closed({
  /** The root of the ledger that speaks. */
  publicKey: PublicKey,
  /** Those that signed the checkpoints, vouched for by the root. */
  keys: Type.Array(SigningKey, { maxItems: 100 }),
  checkpoint: CheckpointSigned,
  /** The checkpoint that the witness has, by its number; null for a witness that has none. */
  from: Nullable(Type.Integer({ minimum: 1 })),
  /** The consistency proof from there (RFC 6962, section 2.1.2). */
  path: Type.Array(Digest, { maxItems: 128 }),
});
export type WitnessStatement = Static<typeof WitnessStatement>;

/** What a witness has last seen of a ledger. */
export const WitnessedLedger = Closed({ ledger: KeyId, publicKey: PublicKey, checkpoint: CheckpointSigned });
export type WitnessedLedger = Static<typeof WitnessedLedger>;

export const WitnessedParams = Closed({ ledger: KeyId });

/** A witness outside, and how far it is. */
export const WitnessView = Closed({
  name: Text(100),
  kind: Type.Union([Type.Literal('file'), Type.Literal('webhook'), Type.Literal('countersign')]),
  /** The last checkpoint that it has; null before the first. */
  sequence: Nullable(Type.Integer()),
  deliveredAt: Nullable(Type.String({ format: 'date-time' })),
  /** Why the last attempt failed; null when it did not. */
  failure: Nullable(Type.String()),
});
export type WitnessView = Static<typeof WitnessView>;
