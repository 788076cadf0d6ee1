import Type, { type Static } from 'typebox';
import { CheckpointSigned } from './events/checkpoint';
import { Closed, Digest, Literals, Nullable, Text } from './schema';

export const AUDIT_PROBLEMS = [
  /** The stored hash is not that of the content and the event before. */
  'hash_mismatch',
  'repeated_version',
  'missing_versions',
  /** An event stands before one that it follows in (tx, position) order. */
  'out_of_order',
  'key_invalid',
  'checkpoint_invalid',
  'checkpoint_chain',
  'checkpoint_signature',
  /** It covers more events than there are before it. */
  'checkpoint_size',
  /** The tree over the events has another root than the one that was signed. */
  'checkpoint_root',
  'witness_signature',
  'witness_size',
  'witness_root',
  /** What the witness covers is there, and the witness itself is not. */
  'witness_missing',
  /** An event is shown as a leaf, although there is one tenant only. */
  'hidden_event',
  /** There are fewer events than have been counted, or an export announces. */
  'tail_missing',
  'unreadable_line',
] as const;

export const AuditProblem = Closed({
  kind: Literals(...AUDIT_PROBLEMS),
  reason: Type.String(),
  /** Where: of a stream, of the reading order, or of an export. */
  stream: Type.Optional(Type.String()),
  version: Type.Optional(Type.Integer()),
  sequence: Type.Optional(Type.Integer()),
  line: Type.Optional(Type.Integer()),
});
export type AuditProblem = Static<typeof AuditProblem>;

/** What walking a ledger, or an export of it, has found (invariant 2). */
export const AuditReport = Closed({
  /** All chains hold, and a signed checkpoint covers all but the checkpoints' own events. */
  verified: Type.Boolean(),
  /** One sentence for people. */
  summary: Type.String(),
  events: Type.Integer(),
  /** Events of other tenants, of which an export holds the hash alone. */
  leaves: Type.Integer(),
  streams: Type.Integer(),
  chains: Type.Union([Type.Literal('ok'), Type.Array(AuditProblem)]),
  /** Everything that was found besides the chains; the first hundred. */
  problems: Type.Array(AuditProblem),
  problemCount: Type.Integer(),
  checkpoints: Type.Integer(),
  coveredEvents: Type.Integer(),
  /** Events after the last good checkpoint, the checkpoints' own aside. */
  uncoveredEvents: Type.Integer(),
  lastCheckpoint: Nullable(CheckpointSigned),
  /** Whether the witness, a checkpoint that was kept elsewhere, agrees; null without one. */
  witness: Nullable(Literals('agrees', 'contradicts')),
});
export type AuditReport = Static<typeof AuditReport>;

/** The lines of an export (NDJSON): a header, then events and leaves in (tx, position) order, then the end. */
export const EXPORT_FORMAT = 'countersign-export/1';
export const ExportHeader = Closed({
  kind: Type.Literal('export'),
  format: Type.Literal(EXPORT_FORMAT),
  /** `ledger`: every event, those of other tenants as leaves. `stream`: one stream, whose chain alone can be verified. */
  scope: Literals('ledger', 'stream'),
  tenant: Text(100),
  stream: Nullable(Text(400)),
  exportedAt: Type.String({ format: 'date-time' }),
});
export type ExportHeader = Static<typeof ExportHeader>;
export const ExportLeaf = Closed({
  kind: Type.Literal('leaf'),
  tx: Type.String({ pattern: '^\\d+$' }),
  position: Type.String({ pattern: '^\\d+$' }),
  hash: Digest,
});
export type ExportLeaf = Static<typeof ExportLeaf>;
/** The last line of a whole export: without it, the transfer broke off. */
export const ExportEnd = Closed({
  kind: Type.Literal('end'),
  events: Type.Integer({ minimum: 0 }),
  leaves: Type.Integer({ minimum: 0 }),
});
export type ExportEnd = Static<typeof ExportEnd>;
