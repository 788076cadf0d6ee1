import Type, { type Static } from 'typebox';
import { SHELVED_CATEGORIES } from '../envelope';
import { Closed, Digest, Literals, Personal, Text, Timestamp, Uuid } from '../schema';
import { CheckpointSigned } from './checkpoint';
import { eventContracts, type EventOf } from './event';

/** Somebody has read what may hold personal data, in the ledger itself. Who, and for whom, says the actor. */
export const LedgerRead = Closed({
  what: Literals('export', 'events', 'stream', 'replay', 'proof', 'search'),
  /** What was asked for, as it was asked: a stream, a type, a time, ... */
  query: Personal(Type.Record(Type.String({ maxLength: 100 }), Type.Unknown())),
});

export type LedgerRead = Static<typeof LedgerRead>;

/** A key of personal data: 14 hexadecimal digits that stand in every value which was sealed with it. */
const KeyName = Type.String({ pattern: '^[0-9a-f]{14}$' });

/**
 * Somebody has had personal data erased: the keys are destroyed, here and for ever, and what was sealed with them reads
 * `erased` from here on. The actor says who; the time, when.
 */
export const PersonalDataErased = Closed({
  erasureId: Uuid,
  /** `alert-<id>`, `case-<id>`, ...: the records whose texts and values are gone. */
  records: Type.Array(Text(300), { maxItems: 50_000 }),
  /** Cases that show a text of one of these records. */
  cases: Type.Array(Uuid, { maxItems: 50_000 }),
  /** How many people's names are gone; who they were stands nowhere. */
  persons: Type.Integer({ minimum: 0 }),
  /** The keys that were destroyed. */
  keys: Type.Array(KeyName, { maxItems: 100_000 }),
  /** Why, in the words of whoever asked for it. */
  reason: Text(2000),
});
export type PersonalDataErased = Static<typeof PersonalDataErased>;

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
 * Streams `audit-archive` for the installation; `audit-<id>`, one for each reader; `audit-erasures-<id>` for each tenant's
 * erasures; `audit-witness-<id>` and `audit-contradicted-<id>` for each other ledger that a
 * tenant is a witness of.
 */
export const auditEvents = eventContracts('audit', {
  LedgerRead,
  PersonalDataErased,
  CheckpointWitnessed,
  CheckpointContradicted,
  HistoryArchived,
});
export type AuditEvent = EventOf<typeof auditEvents>;
