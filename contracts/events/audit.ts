import Type from 'typebox';
import { Closed, Literals, Personal } from '../schema';
import { eventContracts, type EventOf } from './event';

/** Somebody has read what may hold personal data, in the ledger itself. Who, and for whom, says the actor. */
export const LedgerRead = Closed({
  what: Literals('export', 'events', 'stream', 'replay', 'proof'),
  /** What was asked for, as it was asked: a stream, a type, a time, ... */
  query: Personal(Type.Record(Type.String({ maxLength: 100 }), Type.Unknown())),
});

/** Streams `audit-<id>`, one for each reader. */
export const auditEvents = eventContracts('audit', { LedgerRead });
export type AuditEvent = EventOf<typeof auditEvents>;
