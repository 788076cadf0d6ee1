import Type, { type Static } from 'typebox';
import { ActionRequest, Effect } from '../action';
import { Actor } from '../envelope';
import { ApprovalKind } from '../events/approval';
import { CaseStatus } from '../events/case';
import { Severity } from '../alert';
import { Closed, Digest, Literals, Nullable, Personal, Text, Timestamp, Uuid } from '../schema';
import { StateQuery, StreamState } from '../state';
import { paged, pageQuery, type Endpoint } from './endpoint';

/** `allowed` and `rejected`: policy answered by itself, and nobody was asked. */
export const APPROVAL_STATUSES = ['pending', 'granted', 'denied', 'expired', 'allowed', 'rejected'] as const;
export const ApprovalStatus = Literals(...APPROVAL_STATUSES);
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

/** One human's grant. */
export const Grant = Closed({ by: Personal(Text(200)), at: Timestamp, comment: Personal(Text(4000, 0)) });

const summary = {
  id: Uuid,
  kind: ApprovalKind,
  status: ApprovalStatus,
  /** What a decision must quote: the digest of exactly this request, or of this playbook version. Null when rejected. */
  digest: Nullable(Digest),
  /** Null for what nobody was asked about. */
  effect: Nullable(Effect),
  /** One line from the connector's manifest and the raw action, safe for a terminal. */
  wording: Personal(Text(2000)),
  /** The playbook's or importer's own words, safe for a terminal. */
  reason: Personal(Text(4600, 0)),
  caseId: Nullable(Uuid),
  runId: Nullable(Uuid),
  requester: Nullable(Actor),
  requiredRoles: Type.Array(Text(50)),
  requiredGrants: Type.Integer({ minimum: 0 }),
  grants: Type.Array(Grant),
  openedAt: Timestamp,
  /** From then on nobody can decide it, by the database's clock. */
  deadline: Nullable(Timestamp),
  decidedAt: Nullable(Timestamp),
  /** The subject of who decided, or the service that closed it. */
  decidedBy: Nullable(Personal(Text(200))),
  comment: Nullable(Personal(Text(4000, 0))),
  /** Why an action was rejected without asking anybody. */
  code: Nullable(Text(100)),
  /** The warrant was asked back; whether that was in time stands in the action's own events. */
  revocation: Nullable(Closed({ by: Personal(Text(200)), at: Timestamp, reason: Personal(Text(2000)) })),
};

export const ApprovalSummary = Closed(summary);
export type ApprovalSummary = Static<typeof ApprovalSummary>;

/** Everything that the approver is to see before they decide. */
export const ApprovalDetail = Closed({
  ...summary,
  /** For an action: the exact request that the digest is over. Its values are raw: escape them where you show them. */
  request: Nullable(ActionRequest),
  playbook: Nullable(Closed({ playbookId: Text(200), digest: Digest, name: Text(500) })),
  case: Nullable(Closed({ caseId: Uuid, title: Personal(Text(1000)), severity: Severity, status: CaseStatus })),
  /** Who may never decide this one: the requester, the humans behind them, the playbook's authors. */
  excluded: Type.Array(Personal(Text(200))),
  policyVersion: Nullable(Text(100)),
  /** Until when the action may begin. */
  warrantExpiresAt: Nullable(Timestamp),
  /** Whether the caller may grant or deny it now; if not, the problem that they would get. */
  you: Closed({ mayDecide: Type.Boolean(), code: Nullable(Text(100)), reason: Nullable(Text(1000)) }),
});
export type ApprovalDetail = Static<typeof ApprovalDetail>;

export const ApprovalCounts = Closed({
  pending: Type.Integer(),
  granted: Type.Integer(),
  denied: Type.Integer(),
  expired: Type.Integer(),
  allowed: Type.Integer(),
  rejected: Type.Integer(),
});
export type ApprovalCounts = Static<typeof ApprovalCounts>;

export const ApprovalQuery = Closed({
  status: Type.Optional(ApprovalStatus),
  kind: Type.Optional(ApprovalKind),
  case: Type.Optional(Uuid),
  ...pageQuery,
});
export type ApprovalQuery = Static<typeof ApprovalQuery>;

export const DecisionBody = Closed({ digest: Digest, comment: Type.Optional(Personal(Text(4000, 0))) });
export type DecisionBody = Static<typeof DecisionBody>;

export const RevokeBody = Closed({ reason: Personal(Text(2000)) });
export type RevokeBody = Static<typeof RevokeBody>;

const ApprovalParams = Closed({ id: Uuid });
const shared = { service: 'approval', auth: 'user' } as const;
const read = { ...shared, method: 'GET', permission: 'approvals:read' } as const;
const decide = {
  ...shared,
  method: 'POST',
  permission: 'approvals:decide',
  decision: true,
  params: ApprovalParams,
  body: DecisionBody,
  responses: { 200: ApprovalDetail },
} as const;

export const endpoints: readonly Endpoint[] = [
  {
    ...read,
    path: '/v1/approvals',
    summary: 'List approvals, newest first',
    description: 'Without a status: everything that was put to people. Ask for `allowed` or `rejected` by name.',
    query: ApprovalQuery,
    responses: { 200: paged(ApprovalSummary) },
  },
  {
    ...read,
    path: '/v1/approvals/counts',
    summary: 'Count approvals by status',
    query: Closed({ kind: Type.Optional(ApprovalKind) }),
    responses: { 200: ApprovalCounts },
  },
  {
    ...read,
    path: '/v1/approvals/:id',
    summary: 'Show what an approver sees',
    description: 'Reading decides nothing.',
    params: ApprovalParams,
    responses: { 200: ApprovalDetail },
  },
  {
    ...read,
    path: '/v1/approvals/:id/state',
    summary: 'What it was at any past moment, by its events alone, and what has changed since another',
    params: ApprovalParams,
    query: StateQuery,
    responses: { 200: StreamState },
  },
  {
    ...read,
    path: '/v1/policy/state',
    summary: 'The policy that was decided by at any past moment, and what has changed since another',
    query: StateQuery,
    responses: { 200: StreamState },
  },
  {
    ...decide,
    path: '/v1/approvals/:id/grant',
    summary: 'Grant it: the action may run, or the playbook is activated',
    description: 'Quote the digest that you have seen. The same grant by the same person again gets the same answer.',
  },
  {
    ...decide,
    path: '/v1/approvals/:id/deny',
    summary: 'Deny it',
    description: 'Quote the digest that you have seen. The same denial by the same person again gets the same answer.',
  },
  {
    ...decide,
    path: '/v1/approvals/:id/revoke',
    permission: 'approvals:revoke',
    body: RevokeBody,
    summary: 'Revoke a warrant that has not been used yet',
    description: "The revocation and the action's start race; the action's events say which came first.",
  },
];
