import { API_AUDIENCE, type Principal } from '#contracts/identity';
import { DomainError } from '#libs/kernel';
import type { Opened } from './approval-state';

/**
 * Why this principal may not decide this approval; undefined when they may. The endpoints' guard refuses agents and
 * their tokens before; this is the same rule once more, where the decision is taken (invariant 5).
 * @param authors who counts as author by now, besides those that were known when the approval was opened.
 */
export function objectionTo(
  by: Principal,
  approval: Pick<Opened, 'requester' | 'excluded' | 'requiredRoles'>,
  authors: readonly string[] = [],
): DomainError | undefined {
  if (by.audience !== API_AUDIENCE) {
    return new DomainError('audience_refused', `Decisions take tokens of the audience ${API_AUDIENCE} alone.`);
  }
  if (by.kind !== 'human' || by.behalfOf !== undefined) {
    return new DomainError('principal_kind_refused', `Only a human decides, and ${by.subject} speaks as ${by.kind}.`);
  }
  const { requester, excluded, requiredRoles } = approval;
  const asking = [requester.id, requester.behalfOf];
  if (asking.includes(by.subject) || excluded.includes(by.subject) || authors.includes(by.subject)) {
    return new DomainError(
      'requester_cannot_approve',
      `${by.subject} asked for this or wrote the playbook; somebody else has to decide.`,
    );
  }
  if (!by.roles.some((role) => requiredRoles.includes(role))) {
    return new DomainError(
      'permission_missing',
      `This approval needs the role ${requiredRoles.join(' or ')}; ${by.subject} has ${by.roles.join(', ') || 'none'}.`,
    );
  }
  return undefined;
}
