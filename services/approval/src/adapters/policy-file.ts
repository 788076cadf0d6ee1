import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import Type, { type Static } from 'typebox';
import { permits, ROLES } from '#contracts/identity';
import { Closed, Literals, Text } from '#contracts/schema';
import { canonicalJson } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { parseSettings } from '#libs/service';
import type { HumanApproval, Policy } from '../domain/policy';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const LONGEST_WARRANT_MS = UNITS.d;
const Duration = Type.String({ pattern: '^[1-9]\\d{0,4}[smhd]$', description: 'A number and s, m, h or d.' });
const DecidingRole = Literals(...ROLES.filter((role) => permits([role], 'approvals:decide')));
const Approval = Closed({
  roles: Type.Array(DecidingRole, { minItems: 1, uniqueItems: true }),
  grants: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
  deadline: Duration,
});
type Approval = Static<typeof Approval>;
const PolicyFile = Closed({
  write: Type.Union([Type.Literal('automatic'), Approval]),
  disruptive: Approval,
  activation: Approval,
  warrant: Closed({ lifetime: Duration }),
  exceptions: Type.Optional(
    Type.Array(
      Closed(
        {
          connector: Type.Optional(Text(100)),
          connection: Type.Optional(Text(100)),
          action: Type.Optional(Text(100)),
          approval: Approval,
        },
        { minProperties: 2 },
      ),
    ),
  ),
});
type PolicyFile = Static<typeof PolicyFile>;

/** Reads and checks the policy. Throws DomainError('invalid_configuration') naming the file and every wrong field. */
export function readPolicyFile(path: string): Policy {
  const file = resolve(path);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw refusal(`${file} cannot be read`, cause);
  }
  return parsePolicy(text, file);
}

export function parsePolicy(text: string, file: string): Policy {
  const content = parseSettings(PolicyFile, text, (reason, cause) => refusal(`${file}: ${reason}`, cause));
  return policyOf(content, file);
}

function policyOf(content: PolicyFile, file: string): Policy {
  const warrantLifetimeMs = milliseconds(content.warrant.lifetime);
  if (warrantLifetimeMs > LONGEST_WARRANT_MS) {
    throw refusal(`${file}: warrant.lifetime must be at most 1d; what is older is to be asked again`);
  }
  return {
    version: createHash('sha256').update(canonicalJson(content)).digest('hex'),
    write: content.write === 'automatic' ? 'automatic' : approvalOf(content.write),
    disruptive: approvalOf(content.disruptive),
    activation: approvalOf(content.activation),
    exceptions: (content.exceptions ?? []).map(({ connector, connection, action, approval }) => ({
      connector,
      connectionId: connection,
      action,
      approval: approvalOf(approval),
    })),
    warrantLifetimeMs,
  };
}

function approvalOf({ roles, grants = 1, deadline }: Approval): HumanApproval {
  const [first, ...others] = roles;
  if (first === undefined) throw new DomainError('internal', 'the policy was checked, and has no role');
  return { roles: [first, ...others], grants, deadlineMs: milliseconds(deadline) };
}

function milliseconds(duration: string): number {
  const unit = duration.at(-1);
  const factor = unit === 's' || unit === 'm' || unit === 'h' || unit === 'd' ? UNITS[unit] : Number.NaN;
  return Number(duration.slice(0, -1)) * factor;
}

const refusal = (reason: string, cause?: unknown) =>
  new DomainError('invalid_configuration', { field: 'COUNTERSIGN_POLICY_FILE', reason, cause });
