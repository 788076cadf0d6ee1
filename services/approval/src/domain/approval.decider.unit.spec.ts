import type { ActionRequest, WarrantClaims } from '#contracts/action';
import type { ApprovalEvent } from '#contracts/events/approval';
import type { Principal, Role } from '#contracts/identity';
import { deterministicId } from '#libs/kernel';
import { given } from '#libs/testing';
import { approvalDecider, type ApprovalCommand } from './approval.decider';
import type { Opened } from './approval-state';

const actionId = '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c11';
const caseId = '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c13';
const digest = 'd'.repeat(64);
const now = new Date('2026-11-24T10:00:00.000Z');
const deadline = '2026-11-24T12:00:00.000Z';
const request: ActionRequest = {
  actionId,
  runId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c12',
  caseId,
  stepId: 'action--1',
  playbookId: 'playbook--1',
  playbookDigest: 'a'.repeat(64),
  connectionId: 'firewall',
  connectionVersion: 1,
  connector: 'firewall',
  manifestVersion: 'b'.repeat(64),
  action: 'block',
  target: { type: 'ipv4-addr', value: '203.0.113.7' },
  parameters: {},
  title: 'Block',
  reason: '',
  timeoutMs: 30_000,
};
const approval: Opened = {
  approvalId: actionId,
  kind: 'action',
  digest,
  wording: 'Block 203.0.113.7',
  reason: '',
  effect: 'disruptive',
  request,
  playbook: null,
  caseId,
  requester: { kind: 'agent', id: 'agent-1', behalfOf: 'rita' },
  excluded: ['arno', 'rita'],
  requiredRoles: ['owner'],
  requiredGrants: 1,
  deadline,
  policyVersion: 'p1',
};
const opened: ApprovalEvent = { type: 'ApprovalOpened', data: approval };
const identity = { approvalId: actionId, kind: 'action', digest, caseId } as const;
const seal = (claims: WarrantClaims) => JSON.stringify(claims);
const issuing = { seal, now, warrantLifetimeMs: 600_000 };

const human = (subject: string, ...roles: Role[]): Principal => ({
  subject,
  kind: 'human',
  tenant: 'default',
  roles,
  audience: 'countersign',
  clientId: 'countersign-cli',
});
const olga = human('olga', 'owner');
type Decide = Partial<Omit<Extract<ApprovalCommand, { type: 'Grant' }>, 'type'>>;
const grant = (by: Principal, change: Decide = {}): ApprovalCommand => ({
  type: 'Grant',
  tenant: 'default',
  by,
  digest,
  comment: 'go',
  now,
  authors: [],
  issuing,
  ...change,
});
const deny = (by: Principal, change: Decide = {}): ApprovalCommand => ({
  type: 'Deny',
  by,
  digest,
  comment: 'no',
  now,
  authors: [],
  ...change,
});
const warrantFor = (approvers: string[], effect: WarrantClaims['effect'] = 'disruptive') =>
  seal({
    iss: 'countersign-approval',
    jti: deterministicId('warrant', 'default', actionId),
    tenant: 'default',
    actionId,
    digest,
    effect,
    approvers,
    policyVersion: 'p1',
    iat: now.getTime() / 1000,
    nbf: now.getTime() / 1000 - 30,
    exp: now.getTime() / 1000 + 600,
  });
const granted = (approvers: string[]): ApprovalEvent => ({
  type: 'ApprovalGranted',
  data: { ...identity, approvers, comment: 'go', warrant: warrantFor(approvers) },
});
const denied: ApprovalEvent = { type: 'ApprovalDenied', data: { ...identity, comment: 'no' } };
const expired: ApprovalEvent = { type: 'ApprovalExpired', data: { ...identity, deadline } };
const revocation: ApprovalEvent = {
  type: 'RevocationRequested',
  data: { ...identity, request, reason: 'case closed' },
};
const allowed: ApprovalEvent = {
  type: 'ActionAllowed',
  data: {
    ...identity,
    actionId,
    runId: request.runId,
    request,
    warrant: warrantFor([], 'write'),
    policyVersion: 'p1',
  },
};
const allow: ApprovalCommand = {
  type: 'AllowAction',
  tenant: 'default',
  request,
  digest,
  effect: 'write',
  policyVersion: 'p1',
  issuing,
};

describe('an approval', () => {
  it('is granted by a human with the role, and the grant carries the warrant', () => {
    given(approvalDecider, [opened])
      .when(grant(olga))
      .then([granted(['olga'])]);
  });

  it('is denied by a human with the role', () => {
    given(approvalDecider, [opened]).when(deny(olga)).then([denied]);
  });

  it.each([
    ['the human behind the agent that asked', human('rita', 'owner')],
    ['an author of the playbook', human('arno', 'owner')],
    ['the requester', human('agent-1', 'owner')],
  ])('is not decided by %s', (_, by) => {
    given(approvalDecider, [opened]).when(grant(by)).thenThrows('requester_cannot_approve');
    given(approvalDecider, [opened]).when(deny(by)).thenThrows('requester_cannot_approve');
  });

  it('is not decided by who became an author after it was opened', () => {
    given(approvalDecider, [opened])
      .when(grant(olga, { authors: ['olga'] }))
      .thenThrows('requester_cannot_approve');
  });

  it('is not decided without the role', () => {
    given(approvalDecider, [opened])
      .when(grant(human('ann', 'approver', 'admin')))
      .thenThrows('permission_missing');
  });

  it.each([
    ['an agent', { kind: 'agent' }, 'principal_kind_refused'],
    ['a service', { kind: 'service' }, 'principal_kind_refused'],
    ['a token on behalf of somebody', { behalfOf: 'max' }, 'principal_kind_refused'],
    ['a token for MCP', { audience: 'countersign-mcp' }, 'audience_refused'],
  ] as const)('is not decided by %s, whatever the roles', (_, change, code) => {
    given(approvalDecider, [opened])
      .when(grant({ ...olga, ...change }))
      .thenThrows(code);
  });

  it('is not granted for another digest than the one that was seen', () => {
    given(approvalDecider, [opened])
      .when(grant(olga, { digest: 'e'.repeat(64) }))
      .thenThrows('digest_mismatch', 'digest');
  });

  it('is not granted at its deadline or later, even before anybody noticed that it expired', () => {
    given(approvalDecider, [opened])
      .when(grant(olga, { now: new Date(deadline) }))
      .thenThrows('approval_expired');
    given(approvalDecider, [opened, expired]).when(grant(olga)).thenThrows('approval_expired');
  });

  it('expires at its deadline and not before', () => {
    given(approvalDecider, [opened])
      .when({ type: 'Expire', now: new Date('2026-11-24T11:59:59.999Z') })
      .then([]);
    given(approvalDecider, [opened])
      .when({ type: 'Expire', now: new Date(deadline) })
      .then([expired]);
    given(approvalDecider, [opened, denied])
      .when({ type: 'Expire', now: new Date(deadline) })
      .then([]);
  });

  it('is decided once', () => {
    given(approvalDecider, [opened, denied]).when(grant(olga)).thenThrows('already_decided');
    given(approvalDecider, [opened, granted(['olga'])])
      .when(deny(human('otto', 'owner')))
      .thenThrows('already_decided');
    given(approvalDecider, [opened, granted(['olga'])])
      .when(grant(human('otto', 'owner')))
      .thenThrows('already_decided');
  });

  it('answers the same person the same, even after the deadline', () => {
    given(approvalDecider, [opened, granted(['olga'])])
      .when(grant(olga, { now: new Date('2027-01-01T00:00:00Z') }))
      .then([]);
  });

  describe('that needs two humans', () => {
    const two: ApprovalEvent = { type: 'ApprovalOpened', data: { ...approval, requiredGrants: 2 } };
    const first: ApprovalEvent = { type: 'GrantRecorded', data: { ...identity, approver: 'olga', comment: 'go' } };

    it('records the first and grants with the second', () => {
      given(approvalDecider, [two]).when(grant(olga)).then([first]);
      given(approvalDecider, [two, first])
        .when(grant(human('otto', 'owner')))
        .then([granted(['olga', 'otto'])]);
    });

    it('does not count one human twice', () => {
      given(approvalDecider, [two, first]).when(grant(olga)).then([]);
    });

    it('is denied by one', () => {
      given(approvalDecider, [two, first])
        .when(deny(human('otto', 'owner')))
        .then([denied]);
    });
  });

  it('is closed when what asked for it is over', () => {
    given(approvalDecider, [opened]).when({ type: 'Withdraw', reason: 'no' }).then([denied]);
    given(approvalDecider, [opened, expired]).when({ type: 'Withdraw', reason: 'no' }).then([]);
    given(approvalDecider, []).when({ type: 'Withdraw', reason: 'no' }).then([]);
  });

  it('has its warrant revoked once', () => {
    const withdraw: ApprovalCommand = { type: 'Withdraw', reason: 'case closed' };
    given(approvalDecider, [opened, granted(['olga'])])
      .when(withdraw)
      .then([revocation]);
    given(approvalDecider, [allowed]).when(withdraw).then([revocation]);
    given(approvalDecider, [opened, granted(['olga']), revocation])
      .when(withdraw)
      .then([]);
    const revoke: ApprovalCommand = { type: 'Revoke', reason: 'case closed' };
    given(approvalDecider, [opened, granted(['olga'])])
      .when(revoke)
      .then([revocation]);
    given(approvalDecider, [opened, granted(['olga']), revocation])
      .when(revoke)
      .then([]);
    given(approvalDecider, [opened]).when(revoke).thenThrows('invalid_transition');
    given(approvalDecider, []).when(revoke).thenThrows('not_found');
  });

  it('is not found where there is none', () => {
    given(approvalDecider, []).when(grant(olga)).thenThrows('not_found');
  });
});

describe('a request', () => {
  it('that policy lets run gets a warrant without approvers, and the first answer stands', () => {
    given(approvalDecider, []).when(allow).then([allowed]);
    given(approvalDecider, [allowed]).when(allow).then([]);
    given(approvalDecider, [opened]).when(allow).then([]);
    given(approvalDecider, [allowed]).when({ type: 'OpenApproval', approval }).then([]);
    given(approvalDecider, [allowed]).when(grant(olga)).thenThrows('invalid_transition');
  });

  it('that is disruptive never gets one from policy', () => {
    given(approvalDecider, [])
      .when({ ...allow, effect: 'disruptive' })
      .thenThrows('warrant_invalid');
  });

  it('that cannot be put to anybody is rejected', () => {
    given(approvalDecider, [])
      .when({ type: 'RejectAction', request, code: 'unknown_action', reason: 'no such action' })
      .then([
        {
          type: 'ActionRejected',
          data: {
            approvalId: actionId,
            actionId,
            runId: request.runId,
            caseId,
            code: 'unknown_action',
            reason: 'no such action',
          },
        },
      ]);
  });
});

describe('the activation of a playbook', () => {
  const playbook = { playbookId: 'playbook--1', digest, name: 'Contain' };
  const activation: Opened = { ...approval, kind: 'activation', request: null, playbook };
  const put: ApprovalEvent = { type: 'ApprovalOpened', data: activation };
  const kind = 'activation';

  it('is granted without a warrant, and has none to revoke', () => {
    const given1: ApprovalEvent = {
      type: 'ApprovalGranted',
      data: { ...identity, kind, approvers: ['olga'], comment: 'go', warrant: null },
    };
    given(approvalDecider, [put]).when(grant(olga)).then([given1]);
    given(approvalDecider, [put, given1]).when({ type: 'Revoke', reason: 'x' }).thenThrows('invalid_transition');
    given(approvalDecider, [put, given1]).when({ type: 'Withdraw', reason: 'x' }).then([]);
  });

  it('is asked once for each version', () => {
    const open: ApprovalCommand = { type: 'OpenApproval', approval: activation };
    given(approvalDecider, [put]).when(open).then([]);
    given(approvalDecider, [put, { type: 'ApprovalExpired', data: { ...identity, kind } }])
      .when(open)
      .then([]);
  });
});
