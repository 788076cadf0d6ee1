import Type from 'typebox';
import { ActionRequest, Effect, Warrant } from '../action';
import { Actor } from '../envelope';
import { Closed, Digest, Literals, Nullable, Personal, PersonName, Text, Timestamp, Uuid } from '../schema';
import { eventContracts, type EventOf } from './event';

/** What an approval is about. */
export const ApprovalKind = Literals('action', 'activation');

const OfApproval = { approvalId: Uuid, kind: ApprovalKind, digest: Digest };

/** Stream `approval-<approvalId>`; for an action the approvalId is the action's id. */
export const approvalEvents = eventContracts('approval', {
  /** Policy lets a write run by itself: a warrant without approvers. */
  ActionAllowed: Closed({
    ...OfApproval,
    actionId: Uuid,
    runId: Uuid,
    caseId: Nullable(Uuid),
    /** The exact request that was allowed. */
    request: ActionRequest,
    warrant: Warrant,
    policyVersion: Text(100),
  }),
  /** The request cannot be put to anybody (unknown connection or action, digest impossible): it fails closed. */
  ActionRejected: Closed({
    approvalId: Uuid,
    actionId: Uuid,
    runId: Uuid,
    caseId: Nullable(Uuid),
    code: Text(100),
    reason: Text(2000),
  }),
  ApprovalOpened: Closed({
    ...OfApproval,
    /** One line computed by the approval service from the raw action and the manifest. */
    wording: Personal(Text(1000)),
    /** The step's or importer's own words. */
    reason: Personal(Text(4000, 0)),
    effect: Effect,
    /** For an action: the exact request. */
    request: Nullable(ActionRequest),
    /** For an activation. */
    playbook: Nullable(Closed({ playbookId: Text(200), digest: Digest, name: Text(500) })),
    caseId: Nullable(Uuid),
    requester: Actor,
    /** Subjects who may never decide this one (invariant 5). */
    excluded: Type.Array(PersonName(Text(200))),
    /** One of these roles is needed, and how many humans. */
    requiredRoles: Type.Array(Text(50), { minItems: 1 }),
    requiredGrants: Type.Integer({ minimum: 1 }),
    deadline: Timestamp,
    policyVersion: Text(100),
  }),
  /** One human's grant where the policy wants more of them; the last one is ApprovalGranted. */
  GrantRecorded: Closed({
    ...OfApproval,
    approver: PersonName(Text(200)),
    comment: Personal(Text(4000, 0)),
    caseId: Nullable(Uuid),
  }),
  ApprovalGranted: Closed({
    ...OfApproval,
    approvers: Type.Array(PersonName(Text(200)), { minItems: 1 }),
    comment: Personal(Text(4000, 0)),
    /** Null for an activation. */
    warrant: Nullable(Warrant),
    caseId: Nullable(Uuid),
  }),
  ApprovalDenied: Closed({ ...OfApproval, comment: Personal(Text(4000, 0)), caseId: Nullable(Uuid) }),
  /** `deadline`: when it was over; the event's own time is when that was noticed. */
  ApprovalExpired: Closed({ ...OfApproval, caseId: Nullable(Uuid), deadline: Type.Optional(Timestamp) }),
  /** Races with spending on the action's stream; the connector's answer, which needs the request, says who won. */
  RevocationRequested: Closed({
    ...OfApproval,
    request: ActionRequest,
    reason: Personal(Text(2000)),
    caseId: Nullable(Uuid),
  }),
});
export type ApprovalEvent = EventOf<typeof approvalEvents>;
