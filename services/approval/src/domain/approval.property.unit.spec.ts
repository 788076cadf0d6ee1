import fc from 'fast-check';
import type { ActionRequest, WarrantClaims } from '#contracts/action';
import type { ApprovalEvent } from '#contracts/events/approval';
import { ROLES, type Principal } from '#contracts/identity';
import { DomainError } from '#libs/kernel';
import { approvalDecider, type ApprovalCommand } from './approval.decider';
import type { Opened } from './approval-state';

const actionId = '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c11';
const start = Date.parse('2026-11-24T10:00:00.000Z');
const people = ['olga', 'otto', 'arno', 'rita', 'agent-1'];
const digests = ['d'.repeat(64), 'd'.repeat(64), 'd'.repeat(64), 'e'.repeat(64)];
const request: ActionRequest = {
  actionId,
  runId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c12',
  caseId: null,
  stepId: 'action--1',
  playbookId: 'playbook--1',
  playbookDigest: 'a'.repeat(64),
  connectionId: 'firewall',
  connectionVersion: 1,
  connector: 'firewall',
  manifestVersion: 'b'.repeat(64),
  action: 'block',
  target: null,
  parameters: {},
  title: 'Block',
  reason: '',
  timeoutMs: 30_000,
};

const clock = fc.integer({ min: -60_000, max: 600_000 }).map((offset) => new Date(start + offset));
const anybody: fc.Arbitrary<Principal> = fc.record(
  {
    subject: fc.constantFrom(...people),
    kind: fc.constantFrom('human', 'human', 'human', 'human', 'agent', 'service'),
    tenant: fc.constant('default'),
    roles: fc.subarray([...ROLES]),
    audience: fc.constantFrom('countersign', 'countersign', 'countersign-mcp'),
    clientId: fc.constant('x'),
    behalfOf: fc.constantFrom(...people),
  },
  { requiredKeys: ['subject', 'kind', 'tenant', 'roles', 'audience', 'clientId'] },
);
const owner = fc.constantFrom(...people).map((subject): Principal => ({
  subject,
  kind: 'human',
  tenant: 'default',
  roles: ['owner', 'approver'],
  audience: 'countersign',
  clientId: 'x',
}));
const principal = fc.oneof(owner, anybody);
const approval: fc.Arbitrary<Opened> = fc.record({
  approvalId: fc.constant(actionId),
  kind: fc.constantFrom('action', 'activation'),
  digest: fc.constantFrom(...digests),
  wording: fc.constant('Block'),
  reason: fc.constant(''),
  effect: fc.constantFrom('disruptive', 'write'),
  request: fc.constant(request),
  playbook: fc.constant(null),
  caseId: fc.constant(null),
  requester: fc.record({ kind: fc.constantFrom('human', 'agent', 'service'), id: fc.constantFrom('rita', 'agent-1') }),
  excluded: fc.subarray(['arno', 'rita']),
  requiredRoles: fc.subarray(['owner', 'approver'], { minLength: 1 }),
  requiredGrants: fc.integer({ min: 1, max: 3 }),
  deadline: clock.map((at) => at.toISOString()),
  policyVersion: fc.constant('p1'),
});
const decision = {
  by: principal,
  digest: fc.constantFrom(...digests),
  comment: fc.constant(''),
  now: clock,
  authors: fc.subarray(['arno']),
};
const issuing = clock.map((now) => ({
  seal: (claims: WarrantClaims) => JSON.stringify(claims),
  now,
  warrantLifetimeMs: 600_000,
}));
const command: fc.Arbitrary<ApprovalCommand> = fc.oneof(
  { weight: 2, arbitrary: approval.map((opened) => ({ type: 'OpenApproval', approval: opened }) as const) },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('Grant'), tenant: fc.constant('default'), issuing, ...decision }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('Deny'), ...decision }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('Expire'), now: clock }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('Withdraw', 'Revoke'), reason: fc.constant('x') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('AllowAction'),
      tenant: fc.constant('default'),
      request: fc.constant(request),
      digest: fc.constantFrom(...digests),
      effect: fc.constantFrom('read', 'write', 'disruptive'),
      policyVersion: fc.constant('p1'),
      issuing,
    }),
  },
);

/** Plays the commands against a growing history, as the ledger would, and calls `check` on each event that they lead to. */
function play(
  commands: readonly ApprovalCommand[],
  check: (event: ApprovalEvent, command: ApprovalCommand, history: readonly ApprovalEvent[]) => void,
): ApprovalEvent[] {
  const history: ApprovalEvent[] = [];
  let state = approvalDecider.initialState();
  for (const one of commands) {
    let events: ApprovalEvent[];
    try {
      events = approvalDecider.decide(one, state);
    } catch (error) {
      if (error instanceof DomainError) continue;
      throw error;
    }
    for (const event of events) {
      check(event, one, history);
      history.push(event);
      state = approvalDecider.evolve(state, event);
    }
  }
  return history;
}

const runs = { numRuns: 3000 };
const open = approval.map((opened): ApprovalCommand => ({ type: 'OpenApproval', approval: opened }));
/** Most sequences begin with something to decide; some do not. */
const commands = fc
  .tuple(fc.array(open, { maxLength: 1 }), fc.array(command, { minLength: 8, maxLength: 30 }))
  .map(([first, rest]) => [...first, ...rest]);
const lastOpened = (history: readonly ApprovalEvent[]): Opened => {
  const found = history.findLast((event) => event.type === 'ApprovalOpened');
  if (found?.type !== 'ApprovalOpened') throw new Error('nothing was opened');
  return found.data;
};

describe('no sequence of commands', () => {
  it('yields a warrant without the humans that it needs', () => {
    let warrants = 0;
    fc.assert(
      fc.property(commands, (sequence) => {
        const grants = new Map<string, Principal>();
        play(sequence, (event, by, history) => {
          if (event.type === 'ApprovalOpened') grants.clear();
          if (by.type === 'Grant') grants.set(by.by.subject, by.by);
          if (event.type === 'ActionAllowed') {
            expect(JSON.parse(event.data.warrant)).toMatchObject({ effect: 'write', approvers: [] });
          }
          if (event.type !== 'ApprovalGranted') return;
          warrants += 1;
          const opened = lastOpened(history);
          const { approvers, warrant } = event.data;
          expect(new Set(approvers).size).toBe(approvers.length);
          expect(approvers.length).toBeGreaterThanOrEqual(Math.max(1, opened.requiredGrants));
          for (const approver of approvers) {
            const who = grants.get(approver);
            expect(who).toMatchObject({ kind: 'human', audience: 'countersign' });
            expect(who?.behalfOf).toBeUndefined();
            expect(who?.roles.some((role) => opened.requiredRoles.includes(role))).toBe(true);
          }
          expect(event.data.digest).toBe(opened.digest);
          if (opened.kind === 'activation') expect(warrant).toBeNull();
          else expect(JSON.parse(warrant ?? '')).toMatchObject({ approvers, digest: opened.digest, actionId });
        });
      }),
      runs,
    );
    // The property would say nothing if no sequence ever got that far.
    expect(warrants).toBeGreaterThan(50);
  });

  it('lets an excluded person take part', () => {
    fc.assert(
      fc.property(commands, (sequence) => {
        play(sequence, (event, _, history) => {
          const deciding =
            event.type === 'ApprovalGranted'
              ? event.data.approvers
              : event.type === 'GrantRecorded'
                ? [event.data.approver]
                : [];
          if (deciding.length === 0) return;
          const { excluded, requester } = lastOpened(history);
          for (const subject of deciding) expect([...excluded, requester.id]).not.toContain(subject);
        });
      }),
      runs,
    );
  });

  it('grants after the deadline, or decides twice, or grants what was seen as something else', () => {
    fc.assert(
      fc.property(commands, (sequence) => {
        const history = play(sequence, (event, by, before) => {
          if (event.type !== 'ApprovalGranted' && event.type !== 'GrantRecorded') return;
          if (by.type !== 'Grant') throw new Error(`${by.type} granted`);
          const opened = lastOpened(before);
          expect(by.now.getTime()).toBeLessThan(Date.parse(opened.deadline));
          expect(by.digest).toBe(opened.digest);
        });
        const ends = ['ApprovalGranted', 'ApprovalDenied', 'ApprovalExpired'];
        let open = false;
        for (const { type } of history) {
          if (type === 'ApprovalOpened') open = true;
          if (!ends.includes(type)) continue;
          expect(open).toBe(true);
          open = false;
        }
      }),
      runs,
    );
  });
});
