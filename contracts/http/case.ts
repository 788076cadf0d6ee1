import Type, { type Static, type TObject, type TSchema } from 'typebox';
import { AlertEnriched, AlertRefused, AttackId, Observable, Original, Severity, Verdict } from '../alert';
import { CorrelationKey } from '../correlation-rules';
import { Actor, CATEGORIES } from '../envelope';
import { DecidedBy } from '../events/alert';
import { CaseStatus, Resolution } from '../events/case';
import { AnyObject, Closed, Digest, Literals, Nullable, Text, Timestamp, Uuid } from '../schema';
import { StateQuery, StreamState } from '../state';
import { type Endpoint, IdParams, paged, pageQuery } from './endpoint';

/** A file that is added as evidence: at most 1 MiB. */
export const MAX_EVIDENCE_BYTES = 1024 * 1024;

const CaseId = { id: Uuid };
const At = Type.Optional(Type.String({ format: 'date-time', description: 'As it was at that time (RFC 3339).' }));

export const CaseSummary = Closed({
  caseId: Uuid,
  title: Type.String(),
  status: CaseStatus,
  resolution: Nullable(Resolution),
  severity: Severity,
  owner: Nullable(Type.String()),
  rule: Type.String(),
  verdict: Verdict,
  score: Type.Integer(),
  alertCount: Type.Integer({ description: 'Those that it shows.' }),
  suppressedAlerts: Type.Integer({ description: 'More like them, which are only counted.' }),
  lastSuppressedAt: Nullable(Timestamp),
  openEscalations: Type.Integer(),
  version: Type.Integer(),
  openedAt: Timestamp,
  updatedAt: Timestamp,
});
export type CaseSummary = Static<typeof CaseSummary>;

export const CaseAlertView = Closed({
  alertId: Uuid,
  sourceId: Uuid,
  source: Type.String(),
  title: Type.String(),
  time: Timestamp,
  severity: Severity,
  verdict: Verdict,
  score: Type.Integer(),
});

const ByAndAt = { by: Actor, at: Timestamp };
export const NoteView = Closed({ noteId: Uuid, text: Type.String(), ...ByAndAt });
export const EvidenceView = Closed({
  evidenceId: Uuid,
  kind: Literals('link', 'file'),
  name: Type.String(),
  url: Nullable(Type.String()),
  mediaType: Nullable(Type.String()),
  size: Nullable(Type.Integer()),
  digest: Nullable(Digest),
  comment: Type.String(),
  ...ByAndAt,
});
const Addressee = Closed({ kind: Literals('person', 'tier'), id: Text(200) });
export const EscalationView = Closed({
  escalationId: Uuid,
  to: Addressee,
  reason: Type.String(),
  deadline: Timestamp,
  status: Literals('open', 'acknowledged', 'expired'),
  endedAt: Nullable(Timestamp),
  endedBy: Nullable(Actor),
  comment: Nullable(Type.String()),
  ...ByAndAt,
});

export const CaseLinkView = Closed({ caseId: Uuid, entity: CorrelationKey, rule: Type.String(), at: Timestamp });

const LATEST = 'The latest 200, in the order in which they came; the timeline has all of them.';

export const CaseView = Closed({
  ...CaseSummary.properties,
  severityBy: Literals('alerts', 'person'),
  attack: Type.Array(AttackId),
  links: Type.Array(CaseLinkView, { description: 'Cases that rules have linked it to; at most 20.' }),
  alerts: Type.Array(CaseAlertView, {
    description: 'The latest 200, in the order in which they came; /v1/cases/{id}/alerts has all of them.',
  }),
  observables: Type.Array(Observable, { description: 'Of all alerts, each once, the worst first; at most 500.' }),
  notes: Type.Array(NoteView, { description: LATEST }),
  evidence: Type.Array(EvidenceView, { description: LATEST }),
  escalations: Type.Array(EscalationView, { description: LATEST }),
  /** The time that was asked for. */
  at: Type.Optional(Timestamp),
});
export type CaseView = Static<typeof CaseView>;

const SharedObservable = Closed({
  type: Observable.properties.type,
  value: Type.String(),
  cases: Type.Integer({ description: 'How many cases have it.' }),
});

export const SimilarCases = Closed({
  items: Type.Array(
    Closed({
      case: CaseSummary,
      score: Type.Number({
        description: 'The sum over what both have: 1 for what nobody else has, less for each further case.',
      }),
      shared: Type.Array(SharedObservable, { description: 'What both have, the rarest first.' }),
    }),
    { description: 'The most similar first.' },
  ),
  hot: Type.Array(SharedObservable, { description: 'What more than 50 cases have, and so says nothing; up to 20.' }),
});
export type SimilarCases = Static<typeof SimilarCases>;

/**
 * An event. The ledger's endpoints show it as it is stored, a case's own in the version that this release writes; the
 * hash is over the stored form.
 */
export const EventView = Closed({
  id: Uuid,
  category: Literals(...CATEGORIES),
  stream: Type.String(),
  version: Type.Integer({ minimum: 1 }),
  type: Type.String(),
  schemaVersion: Type.Integer(),
  tenant: Type.String(),
  time: Timestamp,
  actor: Actor,
  data: AnyObject,
  meta: AnyObject,
  hash: Digest,
  tx: Type.String(),
  position: Type.String(),
});
export type EventView = Static<typeof EventView>;

export const TimelineEntry = Closed({
  eventId: Uuid,
  time: Timestamp,
  actor: Actor,
  category: Literals(...CATEGORIES),
  stream: Type.String(),
  version: Type.Integer(),
  /** The event's type. */
  kind: Type.String(),
  /** One sentence for people. */
  text: Type.String(),
  data: AnyObject,
});
export type TimelineEntry = Static<typeof TimelineEntry>;

export const AlertView = Closed({
  alertId: Nullable(Uuid),
  /** The outcome of the first reception; `rejected` for a receipt that was refused. */
  outcome: Literals('new', 'grouped', 'suppressed', 'rejected'),
  caseId: Nullable(Uuid),
  /** For one that by a natural key is another alert: that alert, which is the one shown. */
  duplicateOf: Nullable(Uuid),
  decidedBy: Nullable(DecidedBy),
  suppression: Nullable(Closed({ kind: Literals('dropped', 'counted'), reason: Type.String() })),
  /** As it was received last, normalized and enriched, without the original; null for a rejected one. */
  normalized: Nullable(Type.Omit(AlertEnriched, ['original'])),
  original: Original,
  rejection: Nullable(Type.Pick(AlertRefused, ['code', 'field', 'reason'])),
  receptions: Type.Array(
    Closed({
      receiptId: Uuid,
      receivedAt: Timestamp,
      decidedAt: Timestamp,
      outcome: Literals('new', 'grouped', 'updated', 'duplicate', 'suppressed', 'rejected'),
      caseId: Nullable(Uuid),
    }),
  ),
});
export type AlertView = Static<typeof AlertView>;

const ExpectedVersion = {
  expectedVersion: Type.Optional(
    Type.Integer({ minimum: 1, description: 'The version that you have seen: another one is a stream_conflict.' }),
  ),
};
export const ChangeStatusBody = Closed({
  status: CaseStatus,
  resolution: Type.Optional(Resolution),
  comment: Type.Optional(Text(4000, 0)),
  ...ExpectedVersion,
});
export const ChangeSeverityBody = Closed({
  severity: Severity,
  reason: Type.Optional(Text(4000, 0)),
  ...ExpectedVersion,
});
export const AssignBody = Closed({ owner: Nullable(Text(200)), ...ExpectedVersion });
export const AddNoteBody = Closed({ text: Text(20_000), ...ExpectedVersion });
export const AddEvidenceBody = Closed({
  kind: Literals('link', 'file'),
  name: Text(500),
  url: Type.Optional(Type.String({ maxLength: 4096, pattern: '^https?://', description: 'For a link.' })),
  mediaType: Type.Optional(
    Type.String({ maxLength: 200, pattern: '^[\\w.+-]+/[\\w.+-]+$', description: 'For a file.' }),
  ),
  /** Without a limit of its own: what is too large gets `evidence_too_large`, and not a broken field. */
  content: Type.Optional(Type.String({ description: 'For a file: base64, up to 1 MiB.' })),
  comment: Type.Optional(Text(4000, 0)),
  ...ExpectedVersion,
});
export const EscalateBody = Closed({
  to: Addressee,
  reason: Text(4000),
  deadline: Type.Optional(Timestamp),
  withinMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 43_200, description: 'Instead of a deadline.' })),
  ...ExpectedVersion,
});
export const AcknowledgeBody = Closed({ comment: Type.Optional(Text(4000, 0)), ...ExpectedVersion });

export type ChangeStatusBody = Static<typeof ChangeStatusBody>;
export type ChangeSeverityBody = Static<typeof ChangeSeverityBody>;
export type AssignBody = Static<typeof AssignBody>;
export type AddNoteBody = Static<typeof AddNoteBody>;
export type AddEvidenceBody = Static<typeof AddEvidenceBody>;
export type EscalateBody = Static<typeof EscalateBody>;
export type AcknowledgeBody = Static<typeof AcknowledgeBody>;

export const CaseListQuery = Closed({
  ...pageQuery,
  status: Type.Optional(Type.Array(CaseStatus, { description: 'Give it more than once for several.' })),
  severity: Type.Optional(Type.Array(Severity)),
  owner: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'A subject; `none` for nobody.' })),
  q: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'A part of title, source or observable.' }),
  ),
  since: Type.Optional(Type.String({ format: 'date-time', description: 'Updated at or after that time.' })),
});
export type CaseListQuery = Static<typeof CaseListQuery>;
export const AtQuery = Closed({ at: At });
export type AtQuery = Static<typeof AtQuery>;
export const AlertsOfCaseQuery = Closed(pageQuery);
export type AlertsOfCaseQuery = Static<typeof AlertsOfCaseQuery>;
export const SimilarCasesQuery = Closed({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
});
export type SimilarCasesQuery = Static<typeof SimilarCasesQuery>;
export const TimelineQuery = Closed({ at: At, ...pageQuery });
export type TimelineQuery = Static<typeof TimelineQuery>;

const read = { method: 'GET', service: 'case', auth: 'user', permission: 'cases:read' } as const;
const IDEMPOTENCY = 'With an Idempotency-Key header the same call gives the same answer and changes nothing twice.';

function command(path: `/${string}`, summary: string, body: TSchema, params: TObject = Closed(CaseId)): Endpoint {
  return {
    method: 'POST',
    path: `/v1/cases/:id${path}`,
    service: 'case',
    auth: 'user',
    permission: 'cases:write',
    summary,
    description: IDEMPOTENCY,
    params,
    body,
    responses: { 200: CaseView },
  };
}

export const endpoints: readonly Endpoint[] = [
  {
    ...read,
    path: '/v1/cases',
    summary: 'The cases, last updated first',
    query: CaseListQuery,
    responses: { 200: paged(CaseSummary) },
  },
  {
    ...read,
    path: '/v1/cases/:id',
    summary: 'A case, as it is or as it was at any past time',
    params: Closed(CaseId),
    query: AtQuery,
    responses: { 200: CaseView },
  },
  {
    ...read,
    path: '/v1/cases/:id/alerts',
    summary: 'The alerts of a case as they were sent last, the latest first',
    params: Closed(CaseId),
    query: AlertsOfCaseQuery,
    responses: { 200: paged(CaseAlertView) },
  },
  {
    ...read,
    path: '/v1/cases/:id/similar',
    summary: 'Cases that have observables in common with it, by how rare these are',
    params: Closed(CaseId),
    query: SimilarCasesQuery,
    responses: { 200: SimilarCases },
  },
  {
    ...read,
    path: '/v1/cases/:id/state',
    summary: 'What it was at any past moment, by its events alone, and what has changed since another',
    params: Closed(CaseId),
    query: StateQuery,
    responses: { 200: StreamState },
  },
  {
    ...read,
    path: '/v1/cases/:id/events',
    summary: "The case's own events, from the ledger",
    params: Closed(CaseId),
    query: TimelineQuery,
    responses: { 200: paged(EventView) },
  },
  {
    ...read,
    path: '/v1/cases/:id/timeline',
    summary: 'What happened, oldest first: the case, its runs, approvals and actions',
    params: Closed(CaseId),
    query: TimelineQuery,
    responses: { 200: paged(TimelineEntry) },
  },
  {
    ...read,
    path: '/v1/cases/:id/evidence/:evidenceId',
    summary: 'The content of a file that was added as evidence',
    params: Closed({ ...CaseId, evidenceId: Uuid }),
    responses: { 200: Type.String() },
    produces: 'application/octet-stream',
  },
  {
    ...read,
    path: '/v1/alerts/:id',
    summary: 'An alert by its alertId, or a rejected one by its receiptId',
    description:
      'Of an alert that by a natural key of the correlation rules is another one, that other one with the receptions of ' +
      'this: `alertId` and `duplicateOf` name it.',
    params: IdParams,
    responses: { 200: AlertView },
  },
  command('/status', 'Change the status', ChangeStatusBody),
  command('/severity', 'Change the severity: from then on the alerts no longer do', ChangeSeverityBody),
  command('/owner', 'Give the case to somebody, or to nobody', AssignBody),
  command('/notes', 'Add a note', AddNoteBody),
  command('/evidence', 'Add evidence: a link, or a file', AddEvidenceBody),
  command('/escalations', 'Escalate to a person or a tier, until a deadline', EscalateBody),
  command(
    '/escalations/:escalationId/acknowledge',
    'Acknowledge an escalation',
    AcknowledgeBody,
    Closed({ ...CaseId, escalationId: Uuid }),
  ),
];
