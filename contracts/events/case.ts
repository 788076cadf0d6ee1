import Type from 'typebox';
import { AttackId, Observable, Severity, Verdict } from '../alert';
import { CorrelationKey } from '../correlation-rules';
import { Closed, Digest, Literals, Nullable, Personal, PersonName, Text, Timestamp, Uuid } from '../schema';
import { earlier, revised } from '../versioned-contract';
import { eventContracts, type EventOf } from './event';

export const CASE_STATUSES = ['new', 'in_progress', 'on_hold', 'resolved', 'closed'] as const;
export const CaseStatus = Literals(...CASE_STATUSES);
export type CaseStatus = (typeof CASE_STATUSES)[number];

export const RESOLUTIONS = ['true_positive', 'false_positive', 'benign', 'duplicate', 'other'] as const;
export const Resolution = Literals(...RESOLUTIONS);

const AlertOfCase = {
  caseId: Uuid,
  alertId: Uuid,
  sourceId: Uuid,
  source: Text(200),
  /** The finding's title. */
  alertTitle: Personal(Text(1000)),
  /** The finding's own time. */
  alertTime: Timestamp,
  alertSeverity: Severity,
  observables: Personal(Type.Array(Observable, { maxItems: 500 })),
  attack: Type.Array(AttackId, { maxItems: 200 }),
  verdict: Verdict,
  score: Type.Integer({ minimum: 0, maximum: 100 }),
};

const CaseSeverityChanged1 = Closed({
  caseId: Uuid,
  from: Severity,
  to: Severity,
  reason: Personal(Text(4000, 0)),
});

/** Stream `case-<caseId>`. */
export const caseEvents = eventContracts('case', {
  CaseOpened: Closed({ ...AlertOfCase, title: Personal(Text(1000)), severity: Severity, rule: Text(100) }),
  AlertGrouped: Closed({ ...AlertOfCase, rule: Text(100) }),
  /** An alert of this case was sent again with other content. */
  CaseAlertUpdated: Closed({
    ...AlertOfCase,
    /** What the case counted the alert as before; absent in events of 0.1.0. */
    previousSeverity: Type.Optional(Severity),
  }),
  /** Alerts like many that the case has are only counted: those of a batch in one event. */
  AlertsSuppressed: Closed({
    caseId: Uuid,
    rule: Text(100),
    count: Type.Integer({ minimum: 1 }),
    /** When the first and the last of them were received. */
    since: Timestamp,
    until: Timestamp,
  }),
  /** By a rule: both cases, which go on each for itself, have an alert that names the same entity. Stands in both. */
  CaseLinked: Closed({ caseId: Uuid, to: Uuid, entity: CorrelationKey, rule: Text(100) }),
  CaseStatusChanged: Closed({
    caseId: Uuid,
    from: CaseStatus,
    to: CaseStatus,
    resolution: Nullable(Resolution),
    comment: Personal(Text(4000, 0)),
  }),
  CaseSeverityChanged: revised(
    Closed({
      ...CaseSeverityChanged1.properties,
      /** The rule that raised it; null for a person, whose word outlasts what alerts and rules say. */
      rule: Nullable(Text(100)),
    }),
    earlier(CaseSeverityChanged1, (data) => ({ ...data, rule: null })),
  ),
  CaseAssigned: Closed({ caseId: Uuid, from: Nullable(PersonName(Text(200))), to: Nullable(PersonName(Text(200))) }),
  CaseNoteAdded: Closed({ caseId: Uuid, noteId: Uuid, text: Personal(Text(20_000)) }),
  CaseEvidenceAdded: Closed({
    caseId: Uuid,
    evidenceId: Uuid,
    kind: Literals('link', 'file'),
    name: Personal(Text(500)),
    /** For a link. */
    url: Nullable(Personal(Text(4096))),
    /** For a file: its media type, bytes and SHA-256; the bytes themselves stay out of the ledger. */
    mediaType: Nullable(Text(200)),
    size: Nullable(Type.Integer({ minimum: 0 })),
    digest: Nullable(Digest),
    comment: Personal(Text(4000, 0)),
  }),
  CaseEscalated: Closed({
    caseId: Uuid,
    escalationId: Uuid,
    to: Closed({ kind: Literals('person', 'tier'), id: PersonName(Text(200)) }),
    reason: Personal(Text(4000)),
    deadline: Timestamp,
  }),
  EscalationAcknowledged: Closed({ caseId: Uuid, escalationId: Uuid, comment: Personal(Text(4000, 0)) }),
  /** Nobody acknowledged it in time. */
  /** `deadline`: when it was over; the event's own time is when that was noticed. */
  EscalationExpired: Closed({ caseId: Uuid, escalationId: Uuid, deadline: Type.Optional(Timestamp) }),
});
export type CaseEvent = EventOf<typeof caseEvents>;
