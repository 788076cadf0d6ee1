import Type, { type Static } from 'typebox';
import { SigningKey } from './action';
import { CheckpointSigned } from './events/checkpoint';
import { EventView } from './http/case';
import { Closed, Digest } from './schema';

export const PROOF_FORMAT = 'countersign-proof/1';

const path = Type.Array(Digest, { maxItems: 128 });
/** Those that signed the checkpoints, vouched for by the root. */
const keys = Type.Array(SigningKey);

/** That an event is in the ledger which a checkpoint has signed: an audit path of RFC 6962, section 2.1.1. */
export const InclusionProof = Closed({
  kind: Type.Literal('inclusion'),
  format: Type.Literal(PROOF_FORMAT),
  event: EventView,
  /** Of the event before in its stream; empty for the first. */
  previousHash: Type.Union([Digest, Type.Literal('')]),
  /** The place of its leaf, from 0. */
  index: Type.Integer({ minimum: 0 }),
  checkpoint: CheckpointSigned,
  /** From the leaf's sibling upwards. */
  path,
  keys,
});
export type InclusionProof = Static<typeof InclusionProof>;

/** That the ledger of a later checkpoint begins with that of an earlier one: RFC 6962, section 2.1.2. */
export const ConsistencyProof = Closed({
  kind: Type.Literal('consistency'),
  format: Type.Literal(PROOF_FORMAT),
  from: CheckpointSigned,
  to: CheckpointSigned,
  path,
  keys,
});
export type ConsistencyProof = Static<typeof ConsistencyProof>;
