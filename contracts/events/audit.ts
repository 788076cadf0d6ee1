import Type, { type Static } from 'typebox';
import { SHELVED_CATEGORIES } from '../envelope';
import { Closed, Digest, Literals, Personal, Text, Timestamp } from '../schema';
import { CheckpointSigned } from './checkpoint';
import { eventContracts, type EventOf } from './event';

/** Somebody has read what may hold personal data, in the ledger itself. Who, and for whom, says the actor. */
export const LedgerRead = Closed({
  what: Literals('export', 'events', 'stream', 'replay', 'proof'),
  /** What was asked for, as it was asked: a stream, a type, a time, ... */
  query: Personal(Type.Record(Type.String({ maxLength: 100 }), Type.Unknown())),
});

export type LedgerRead = Static<typeof LedgerRead>;

const Witnessed = {
  /** Thumbprint of the root key of the ledger that was witnessed. */
  ledger: Text(100),
  publicKey: Text(100),
  checkpoint: CheckpointSigned,
};
/** Of another ledger, which has shown that it continues the one witnessed before. */
export const CheckpointWitnessed = Closed(Witnessed);
/** Of another ledger, signed by its key, and not a continuation of what was witnessed before: it has been rewritten. */
export const CheckpointContradicted = Closed({ ...Witnessed, reason: Text(2000) });

/** An event's place in the ledger's order, decimal. */
const Place = Closed({ tx: Text(20), position: Text(19) });

/** Old events of a category were exported to a file, verified there, and dropped from the database. */
export const HistoryArchived = Closed({
  /** 1, 2, 3, ... in the order in which they were archived. */
  number: Type.Integer({ minimum: 1 }),
  category: Literals(...SHELVED_CATEGORIES),
  /** The month of birth of the streams, such as 202611; 0 for what was there before there were shelves. */
  shelf: Type.Integer({ minimum: 0 }),
  events: Type.Integer({ minimum: 1 }),
  file: Text(200),
  /** Of the file. */
  sha256: Digest,
  /** The places of the first and the last event in it; between them, others stay in the database. */
  from: Place,
  to: Place,
  /** The number of a checkpoint that covers all of it. */
  checkpoint: Type.Integer({ minimum: 1 }),
  archivedAt: Timestamp,
});
export type HistoryArchived = Static<typeof HistoryArchived>;

/**
 * Streams `audit-archive` for the installation; `audit-<id>`, one for each reader; `audit-witness-<id>` and `audit-contradicted-<id>` for each other ledger that a
 * tenant is a witness of.
 */
export const auditEvents = eventContracts('audit', {
  LedgerRead,
  CheckpointWitnessed,
  CheckpointContradicted,
  HistoryArchived,
});
export type AuditEvent = EventOf<typeof auditEvents>;
