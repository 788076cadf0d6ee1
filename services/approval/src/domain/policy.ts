import type { Effect } from '#contracts/action';
import type { Role } from '#contracts/identity';

/**
 * How many humans with which roles an approval needs, and how long they have. What needs an
 * approval needs at least one human (invariant 4); a policy has no way of saying otherwise.
 */
export interface HumanApproval {
  /** Holding one of these is needed. */
  readonly roles: readonly [Role, ...Role[]];
  /** Different humans, 1 or more. */
  readonly grants: number;
  /** Milliseconds from opening until it expires. */
  readonly deadlineMs: number;
}

/** Asks for more than the effect alone would. It names an approval, so that it cannot ask for less than a human. */
export interface PolicyException {
  readonly connector?: string;
  readonly connectionId?: string;
  readonly action?: string;
  readonly approval: HumanApproval;
}

/** What an approval service decides by. Only a write can run by itself; there is no such word for what is disruptive. */
export interface Policy {
  /** SHA-256 of the policy's canonical form: what events and warrants name. */
  readonly version: string;
  readonly write: 'automatic' | HumanApproval;
  readonly disruptive: HumanApproval;
  readonly activation: HumanApproval;
  /** The first one that matches counts. */
  readonly exceptions: readonly PolicyException[];
  /** Milliseconds for which a warrant is valid once it is issued. */
  readonly warrantLifetimeMs: number;
}

/** What an action is, by the approval service's own copy of the manifest. */
export interface ClassifiedAction {
  readonly connector: string;
  readonly connectionId: string;
  readonly action: string;
  readonly effect: Exclude<Effect, 'read'>;
}

/** `automatic`, or the humans that the policy wants for this action. */
export function requirementFor(policy: Policy, action: ClassifiedAction): 'automatic' | HumanApproval {
  const exception = policy.exceptions.find(
    ({ connector, connectionId, action: name }) =>
      (connector === undefined || connector === action.connector) &&
      (connectionId === undefined || connectionId === action.connectionId) &&
      (name === undefined || name === action.action),
  );
  if (exception !== undefined) return atLeastOneHuman(exception.approval);
  if (action.effect === 'write') return policy.write === 'automatic' ? 'automatic' : atLeastOneHuman(policy.write);
  return atLeastOneHuman(policy.disruptive);
}

/** A policy object that did not come through the file's checks still gets nothing past a human. */
export function atLeastOneHuman(approval: HumanApproval): HumanApproval {
  return approval.grants >= 1 ? approval : { ...approval, grants: 1 };
}
