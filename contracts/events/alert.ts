import Type from 'typebox';
import { AlertEnriched, AlertRefused, Severity } from '../alert';
import { CorrelationKey } from '../correlation-rules';
import { AnyObject, Closed, Digest, Literals, Nullable, Personal, Text, Timestamp, Uuid } from '../schema';
import { earlier, revised } from '../versioned-contract';
import { eventContracts, type EventOf } from './event';

/** The rule that decided, and the rules that it stood in: `CorrelationRulesAdopted` with that version and digest. */
export const DecidedBy = Closed({
  rule: Text(100),
  rulesVersion: Type.Integer({ minimum: 1 }),
  rulesDigest: Digest,
});

const AlertRecorded1 = Closed({
  ...AlertEnriched.properties,
  outcome: Literals('new', 'grouped'),
  caseId: Nullable(Uuid),
});
const AlertUpdated1 = Closed({ ...AlertEnriched.properties, caseId: Nullable(Uuid) });
const AlertDuplicated1 = Closed({
  receiptId: Uuid,
  alertId: Uuid,
  sourceId: Uuid,
  source: Text(200),
  receivedAt: Timestamp,
  caseId: Nullable(Uuid),
});

/** Streams `alert-<alertId>`, and `alert-<receiptId>` for what was rejected. Exactly one event for each receipt. */
export const alertEvents = eventContracts('alert', {
  /**
   * First reception. `new` opened a case or led to none; `grouped` joined a case that was open; `suppressed` was dropped
   * by a rule, or is only counted in the case that `caseId` names.
   */
  AlertRecorded: revised(
    Closed({
      ...AlertRecorded1.properties,
      outcome: Literals('new', 'grouped', 'suppressed'),
      /** Null where no rule had a say. */
      decidedBy: Nullable(DecidedBy),
      /** Why it was suppressed; null for the other outcomes. */
      suppression: Nullable(Closed({ kind: Literals('dropped', 'counted'), reason: Text(500) })),
    }),
    earlier(AlertRecorded1, (data) => ({ ...data, decidedBy: null, suppression: null })),
  ),
  /** Same id, other digest. `decidedBy`: where it has put the alert into a case only now. */
  AlertUpdated: revised(
    Closed({ ...AlertUpdated1.properties, decidedBy: Nullable(DecidedBy) }),
    earlier(AlertUpdated1, (data) => ({ ...data, decidedBy: null })),
  ),
  /** Same id, same digest; or the same natural key by a rule. */
  AlertDuplicated: revised(
    Closed({
      ...AlertDuplicated1.properties,
      /** The alert that has the same natural key; null where it has the same id. */
      duplicateOf: Nullable(Uuid),
      /** Of this alert's own content, where it stands in no other event of the stream. */
      digest: Nullable(Digest),
      decidedBy: Nullable(DecidedBy),
    }),
    earlier(AlertDuplicated1, (data) => ({ ...data, duplicateOf: null, digest: null, decidedBy: null })),
  ),
  /** Refused by ingest, or ended in the dead letters (`stage` says which). */
  AlertRejected: Closed({ ...AlertRefused.properties, stage: Type.Optional(Literals('ingest', 'enrichment', 'case')) }),
});
export type AlertEvent = EventOf<typeof alertEvents>;

const CorrelationOpened1 = Closed({
  rule: Text(100),
  caseId: Uuid,
  alertId: Uuid,
  /** A later alert of this key opens a new case after this time. */
  windowEndsAt: Timestamp,
});
const OfWindow = {
  ...CorrelationOpened1.properties,
  sourceId: Nullable(Uuid),
  severity: Nullable(Severity),
  /** The same for alerts that are alike: an HMAC. */
  likeness: Nullable(Text(64)),
};
const Window = revised(
  Closed(OfWindow),
  earlier(CorrelationOpened1, (data) => ({ ...data, sourceId: null, severity: null, likeness: null })),
);

/**
 * Streams `correlation-<v5(tenant, rule, key)>`; the key itself, which may name people, stands nowhere.
 * `correlation-natural-<id>` and `correlation-entity-<id>` likewise; `correlation-rules` for the rules of the installation.
 */
export const correlationEvents = eventContracts('correlation', {
  CorrelationOpened: Window,
  CorrelationJoined: Window,
  /** Alerts of the key that are only counted, one event for those of a batch. */
  CorrelationSuppressed: Closed({
    rule: Text(100),
    caseId: Uuid,
    count: Type.Integer({ minimum: 1 }),
    windowEndsAt: Timestamp,
  }),
  /** The first alert of a natural key: until then, others of that key are duplicates of it. */
  NaturalKeyTaken: Closed({ rule: Text(100), alertId: Uuid, caseId: Nullable(Uuid), endsAt: Timestamp }),
  /** A case has an alert that names the entity. */
  EntitySeen: Closed({ entity: CorrelationKey, caseId: Uuid, endsAt: Timestamp }),
  /** What an instance of the service decides by from now on. */
  CorrelationRulesAdopted: Closed({
    /** 1, 2, 3, ... */
    version: Type.Integer({ minimum: 1 }),
    /** SHA-256 of the canonical form of `rules`. */
    digest: Digest,
    /** By `CorrelationRulesDocument` of the release that adopted them. They may name hosts, addresses and people. */
    rules: Personal(AnyObject),
    /** Another one for each run of the service. */
    instance: Uuid,
  }),
});
export type CorrelationEvent = EventOf<typeof correlationEvents>;
