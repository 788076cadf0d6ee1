import type { Effect, WarrantClaims } from '#contracts/action';
import { deterministicId, DomainError } from '#libs/kernel';

/** Makes a warrant of claims: the signature is deterministic (Ed25519), so that deciding stays a pure function. */
export type Seal = (claims: WarrantClaims) => string;

export interface Issuing {
  readonly seal: Seal;
  /** The database's clock (invariant 6). */
  readonly now: Date;
  readonly warrantLifetimeMs: number;
}

/** The clocks of two databases may differ: a warrant is valid from a little before it was issued. */
const LAG_MS = 30_000;

/** Invariant 4 once more, at the only place where warrants come from: nothing disruptive without a human. */
export function issueWarrant(
  subject: {
    readonly tenant: string;
    readonly actionId: string;
    readonly digest: string;
    readonly effect: Effect;
    readonly approvers: readonly string[];
    readonly policyVersion: string;
  },
  { seal, now, warrantLifetimeMs }: Issuing,
): string {
  if (subject.effect !== 'write' && subject.approvers.length === 0) {
    throw new DomainError('warrant_invalid', 'No warrant for a disruptive action is issued without a human.');
  }
  const seconds = (ms: number) => Math.floor(ms / 1000);
  return seal({
    iss: 'countersign-approval',
    jti: deterministicId('warrant', subject.tenant, subject.actionId),
    tenant: subject.tenant,
    actionId: subject.actionId,
    digest: subject.digest,
    effect: subject.effect,
    approvers: [...subject.approvers],
    policyVersion: subject.policyVersion,
    iat: seconds(now.getTime()),
    nbf: seconds(now.getTime() - LAG_MS),
    exp: seconds(now.getTime() + warrantLifetimeMs),
  });
}
