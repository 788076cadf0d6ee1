import type { ActionRequest, Effect } from '#contracts/action';
import type { ApprovalEvent } from '#contracts/events/approval';
import type { Principal } from '#contracts/identity';
import { DomainError, type Decider } from '#libs/kernel';
import { evolve, initialState, type Approval, type Opened } from './approval-state';
import { objectionTo } from './decision-right';
import { issueWarrant, type Issuing } from './warrant-claims';

interface Decision {
  readonly by: Principal;
  /** The digest of what the approver saw. */
  readonly digest: string;
  readonly comment: string;
  /** The database's clock (invariant 6). */
  readonly now: Date;
  /** Who counts as author of the playbook by now (invariant 5). */
  readonly authors: readonly string[];
}

export type ApprovalCommand =
  | {
      readonly type: 'AllowAction';
      readonly tenant: string;
      readonly request: ActionRequest;
      readonly digest: string;
      readonly effect: Effect;
      readonly policyVersion: string;
      readonly issuing: Issuing;
    }
  | { readonly type: 'RejectAction'; readonly request: ActionRequest; readonly code: string; readonly reason: string }
  | { readonly type: 'OpenApproval'; readonly approval: Opened }
  | ({ readonly type: 'Grant'; readonly tenant: string; readonly issuing: Issuing } & Decision)
  | ({ readonly type: 'Deny' } & Decision)
  | { readonly type: 'Expire'; readonly now: Date }
  /** What asked for it is over: an open question is closed, an unspent warrant revoked. */
  | { readonly type: 'Withdraw'; readonly reason: string }
  /** A human takes a warrant back. */
  | { readonly type: 'Revoke'; readonly reason: string };

export function decide(command: ApprovalCommand, state: Approval): ApprovalEvent[] {
  switch (command.type) {
    case 'AllowAction':
      return state.status === 'none' ? [allowed(command)] : [];
    case 'RejectAction':
      return state.status === 'none' ? [rejected(command)] : [];
    case 'OpenApproval':
      // The first answer stands: nothing that was turned down can be put to people again.
      return state.status === 'none' ? [{ type: 'ApprovalOpened', data: command.approval }] : [];
    case 'Grant':
      return grant(command, state);
    case 'Deny':
      return deny(command, state);
    case 'Expire':
      return state.status === 'pending' && isPast(state.opened, command.now)
        ? [{ type: 'ApprovalExpired', data: { ...identityOf(state.opened), deadline: state.opened.deadline } }]
        : [];
    case 'Withdraw':
      return withdraw(command.reason, state);
    case 'Revoke':
      return revoke(command.reason, state);
    default: {
      const _: never = command;
      return [];
    }
  }
}

function grant(command: Extract<ApprovalCommand, { type: 'Grant' }>, state: Approval): ApprovalEvent[] {
  const { by, comment, tenant, issuing } = command;
  const repeated =
    (state.status === 'granted' && state.approvers.includes(by.subject)) ||
    (state.status === 'pending' && state.grants.includes(by.subject));
  if (repeated && state.opened.digest === command.digest) return [];
  const { opened, grants } = decidable(command, state);
  const approvers = [...grants, by.subject];
  if (approvers.length < opened.requiredGrants) {
    return [{ type: 'GrantRecorded', data: { ...identityOf(opened), approver: by.subject, comment } }];
  }
  const { approvalId: actionId, digest, effect, policyVersion } = opened;
  const warrant =
    opened.kind === 'action'
      ? issueWarrant({ tenant, actionId, digest, effect, approvers, policyVersion }, issuing)
      : null;
  return [{ type: 'ApprovalGranted', data: { ...identityOf(opened), approvers, comment, warrant } }];
}

function deny(command: Extract<ApprovalCommand, { type: 'Deny' }>, state: Approval): ApprovalEvent[] {
  const { opened } = decidable(command, state);
  return [{ type: 'ApprovalDenied', data: { ...identityOf(opened), comment: command.comment } }];
}

/** The pending approval, when this person may decide it, now, and has seen what it is about. */
function decidable(command: Decision, state: Approval): Extract<Approval, { status: 'pending' }> {
  if (state.status === 'none') throw new DomainError('not_found', 'There is no such approval.');
  if (state.status === 'allowed' || state.status === 'rejected') {
    throw new DomainError('invalid_transition', 'This action was answered by policy; there is nothing to decide.');
  }
  const objection = objectionTo(command.by, state.opened, command.authors);
  if (objection !== undefined) throw objection;
  if (state.status === 'expired') throw expired(state.opened);
  if (state.status !== 'pending') throw new DomainError('already_decided', `It has been ${state.status} before.`);
  // Whether or not the deadline's own job has run.
  if (isPast(state.opened, command.now)) throw expired(state.opened);
  if (command.digest !== state.opened.digest) {
    throw new DomainError('digest_mismatch', {
      field: 'digest',
      reason: `The request has digest ${state.opened.digest}: look at it again before you decide.`,
    });
  }
  return state;
}

function withdraw(reason: string, state: Approval): ApprovalEvent[] {
  switch (state.status) {
    case 'pending':
      return [{ type: 'ApprovalDenied', data: { ...identityOf(state.opened), comment: reason } }];
    case 'granted':
    case 'allowed':
      return state.revoked ? [] : revocation(reason, state);
    case 'none':
    case 'denied':
    case 'expired':
    case 'rejected':
      return [];
  }
}

function revoke(reason: string, state: Approval): ApprovalEvent[] {
  if (state.status === 'none') throw new DomainError('not_found', 'There is no such approval.');
  if (state.status !== 'granted' && state.status !== 'allowed') {
    throw new DomainError('invalid_transition', `There is no warrant to revoke: the approval is ${state.status}.`);
  }
  if (state.revoked) return [];
  const events = revocation(reason, state);
  if (events.length === 0) {
    throw new DomainError('invalid_transition', 'An activation has no warrant; retire the playbook instead.');
  }
  return events;
}

function revocation(reason: string, state: Extract<Approval, { status: 'granted' | 'allowed' }>): ApprovalEvent[] {
  const request = state.status === 'granted' ? state.opened.request : state.request;
  if (request === null) return [];
  const digest = state.status === 'granted' ? state.opened.digest : state.digest;
  const { actionId: approvalId, caseId } = request;
  return [{ type: 'RevocationRequested', data: { approvalId, kind: 'action', digest, request, reason, caseId } }];
}

function allowed(command: Extract<ApprovalCommand, { type: 'AllowAction' }>): ApprovalEvent {
  const { tenant, request, digest, effect, policyVersion, issuing } = command;
  const { actionId, runId, caseId } = request;
  const warrant = issueWarrant({ tenant, actionId, digest, effect, approvers: [], policyVersion }, issuing);
  return {
    type: 'ActionAllowed',
    data: { approvalId: actionId, kind: 'action', digest, actionId, runId, caseId, request, warrant, policyVersion },
  };
}

function rejected({ request, code, reason }: Extract<ApprovalCommand, { type: 'RejectAction' }>): ApprovalEvent {
  const { actionId, runId, caseId } = request;
  return { type: 'ActionRejected', data: { approvalId: actionId, actionId, runId, caseId, code, reason } };
}

const identityOf = ({ approvalId, kind, digest, caseId }: Opened) => ({ approvalId, kind, digest, caseId });
const isPast = (opened: Opened, now: Date): boolean => now.getTime() >= Date.parse(opened.deadline);
const expired = (opened: Opened) =>
  new DomainError('approval_expired', `The deadline was ${opened.deadline}; ask for the action again.`);

/** Approvals: who decides, and nothing disruptive without them (invariants 4, 5 and 6). */
export const approvalDecider: Decider<Approval, ApprovalCommand, ApprovalEvent> = { decide, evolve, initialState };
