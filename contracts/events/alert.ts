import Type from 'typebox';
import { AlertEnriched, AlertRefused } from '../alert';
import { Closed, Literals, Nullable, Text, Timestamp, Uuid } from '../schema';
import { eventContracts, type EventOf } from './event';

/** Streams `alert-<alertId>`, and `alert-<receiptId>` for what was rejected. Exactly one event for each receipt. */
export const alertEvents = eventContracts('alert', {
  /** First reception. `new` opened a case or led to none; `grouped` joined a case that was open. */
  AlertRecorded: Closed({
    ...AlertEnriched.properties,
    outcome: Literals('new', 'grouped'),
    caseId: Nullable(Uuid),
  }),
  /** Same id, other digest. */
  AlertUpdated: Closed({ ...AlertEnriched.properties, caseId: Nullable(Uuid) }),
  /** Same id, same digest. */
  AlertDuplicated: Closed({
    receiptId: Uuid,
    alertId: Uuid,
    sourceId: Uuid,
    source: Text(200),
    receivedAt: Timestamp,
    caseId: Nullable(Uuid),
  }),
  /** Refused by ingest, or ended in the dead letters (`stage` says which). */
  AlertRejected: Closed({ ...AlertRefused.properties, stage: Type.Optional(Literals('ingest', 'enrichment', 'case')) }),
});
export type AlertEvent = EventOf<typeof alertEvents>;

/** Stream `correlation-<v5(tenant, rule, key)>`; the key itself, which may name people, stands nowhere. */
export const correlationEvents = eventContracts('correlation', {
  CorrelationOpened: Closed({
    rule: Text(100),
    caseId: Uuid,
    alertId: Uuid,
    /** A later alert of this key opens a new case after this time. */
    windowEndsAt: Timestamp,
  }),
  CorrelationJoined: Closed({ rule: Text(100), caseId: Uuid, alertId: Uuid, windowEndsAt: Timestamp }),
});
export type CorrelationEvent = EventOf<typeof correlationEvents>;
