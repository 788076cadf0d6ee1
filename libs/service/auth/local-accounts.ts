import type { Role } from '#contracts/identity';

/** A person of the demo and development profiles. */
export interface LocalAccount {
  readonly subject: string;
  readonly roles: readonly Role[];
  readonly description: string;
}

/** One person for each part that somebody plays; the demo imports, activates and grants as three of them. */
export const LOCAL_ACCOUNTS: readonly LocalAccount[] = [
  { subject: 'ines', roles: ['responder'], description: 'imports playbooks and works on cases' },
  { subject: 'adam', roles: ['approver'], description: 'activates playbooks and decides what needs an approver' },
  { subject: 'olivia', roles: ['owner'], description: 'grants disruptive actions' },
  { subject: 'ruth', roles: ['owner'], description: 'is the second owner, where two must agree' },
  { subject: 'arno', roles: ['analyst'], description: 'reads and writes cases' },
  { subject: 'audrey', roles: ['auditor'], description: 'reads the ledger and proves it' },
  { subject: 'root', roles: ['admin'], description: 'runs the installation' },
  { subject: 'wanda', roles: ['witness'], description: 'is another Countersign, which leaves its checkpoints here' },
];

/** The client that an AI agent uses, and what its tokens may do whatever the human behind it may. */
export const LOCAL_AGENT = { clientId: 'countersign-agent', roles: ['analyst'] as const satisfies readonly Role[] };

/** One hour. */
export const LOCAL_TOKEN_SECONDS = 3_600;
