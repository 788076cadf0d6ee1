import type { PrincipalKind } from './envelope';

export const ROLES = ['analyst', 'responder', 'approver', 'owner', 'auditor', 'admin', 'witness', 'source'] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = [
  'alerts:write',
  'ingest:read',
  'sources:read',
  'sources:write',
  'datasets:read',
  'cases:read',
  'cases:write',
  'correlation:read',
  'playbooks:read',
  'playbooks:draft',
  'playbooks:import',
  'playbooks:retire',
  'runs:read',
  'runs:start',
  'approvals:read',
  'approvals:decide',
  'approvals:revoke',
  'connections:read',
  'connections:write',
  'actions:read',
  'ledger:read',
  'ledger:verify',
  'ledger:export',
  'ledger:witness',
  'personal-data:search',
  'personal-data:erase',
  'dead-letters:read',
  'dead-letters:write',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

const READ_WORK: Permission[] = [
  'cases:read',
  'playbooks:read',
  'runs:read',
  'approvals:read',
  'actions:read',
  'datasets:read',
];

/**
 * What each role may do. Which role a single approval needs stands in the policy, not here: `approvals:decide` only
 * opens the door to the decision endpoints.
 */
export const ROLE_PERMISSIONS: Record<Role, readonly Permission[]> = {
  analyst: [...READ_WORK, 'cases:write', 'correlation:read', 'playbooks:draft'],
  responder: [
    ...READ_WORK,
    'cases:write',
    'correlation:read',
    'playbooks:draft',
    'playbooks:import',
    'runs:start',
    'connections:read',
    'ingest:read',
  ],
  approver: [...READ_WORK, 'approvals:decide', 'connections:read'],
  owner: [
    ...READ_WORK,
    'correlation:read',
    'approvals:decide',
    'approvals:revoke',
    'playbooks:retire',
    'connections:read',
    'ingest:read',
  ],
  auditor: [
    ...READ_WORK,
    'correlation:read',
    'ledger:read',
    'ledger:verify',
    'ledger:export',
    'ledger:witness',
    'personal-data:search',
    'dead-letters:read',
    'ingest:read',
    'sources:read',
    'connections:read',
  ],
  admin: [
    ...READ_WORK,
    'correlation:read',
    'playbooks:draft',
    'playbooks:import',
    'playbooks:retire',
    'sources:read',
    'sources:write',
    'ingest:read',
    'connections:read',
    'connections:write',
    'ledger:verify',
    'personal-data:search',
    'personal-data:erase',
    'dead-letters:read',
    'dead-letters:write',
  ],
  /** Another Countersign, which leaves its checkpoints here. */
  witness: ['ledger:witness'],
  source: ['alerts:write'],
};

/** Tokens for people and programs. */
export const API_AUDIENCE = 'countersign';
/** Tokens for AI agents over MCP: the decision endpoints refuse it. */
export const MCP_AUDIENCE = 'countersign-mcp';
export const DEFAULT_TENANT = 'default';

/** Who makes a request. `kind` comes from the OIDC client (or from the source token), never from a role. */
export interface Principal {
  readonly subject: string;
  readonly kind: PrincipalKind;
  readonly tenant: string;
  readonly roles: readonly Role[];
  readonly audience: string;
  readonly clientId: string;
  /** The human on whose behalf an agent acts (the token's `act` claim names the agent, `sub` the human). */
  readonly behalfOf?: string;
}

export function permits(roles: readonly Role[], permission: Permission): boolean {
  return roles.some((role) => ROLE_PERMISSIONS[role].includes(permission));
}
