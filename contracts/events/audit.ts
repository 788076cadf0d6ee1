import Type, { type Static } from 'typebox';
import { Closed, Literals, Personal, Text } from '../schema';
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

/**
 * Streams `audit-<id>`, one for each reader; `audit-witness-<id>` and `audit-contradicted-<id>` for each other ledger that a
 * tenant is a witness of.
 */
export const auditEvents = eventContracts('audit', { LedgerRead, CheckpointWitnessed, CheckpointContradicted });
export type AuditEvent = EventOf<typeof auditEvents>;
