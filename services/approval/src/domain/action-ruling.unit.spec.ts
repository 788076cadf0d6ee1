import fc from 'fast-check';
import { EFFECTS, type ActionRequest, type Effect } from '#contracts/action';
import { excludedSubjects, ruleOn, type KnownFacts } from './action-ruling';
import type { HumanApproval, Policy } from './policy';

const owner: HumanApproval = { roles: ['owner'], grants: 1, deadlineMs: 1000 };
const policy: Policy = {
  version: 'p1',
  write: 'automatic',
  disruptive: owner,
  activation: { ...owner, roles: ['approver', 'owner'] },
  exceptions: [{ connector: 'ticketing', approval: { ...owner, grants: 2 } }],
  warrantLifetimeMs: 600_000,
};
const request: ActionRequest = {
  actionId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c11',
  runId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c12',
  caseId: null,
  stepId: 'action--1',
  playbookId: 'playbook--1',
  playbookDigest: 'a'.repeat(64),
  connectionId: 'edge',
  connectionVersion: 2,
  connector: 'firewall',
  manifestVersion: 'b'.repeat(64),
  action: 'block',
  target: null,
  parameters: {},
  title: '',
  reason: '',
  timeoutMs: 1,
};
const facts = (effect: Effect = 'disruptive', change: Partial<KnownFacts> = {}): KnownFacts => ({
  connection: { connector: 'firewall', name: 'Edge firewall', version: 2, removed: false },
  manifest: {
    current: true,
    manifest: {
      connector: 'firewall',
      title: 'Firewall',
      description: '',
      settings: {},
      actions: [
        {
          name: 'block',
          title: 'Block',
          description: '',
          effect,
          inverse: null,
          idempotent: true,
          preview: false,
          targetTypes: [],
          input: {},
          output: {},
          wording: 'Block',
        },
      ],
    },
  },
  run: { starter: { kind: 'service', id: 'playbook-orchestrator' }, ended: false },
  playbook: { name: 'Contain', authors: ['arno'], version: { retired: false } },
  caseClosed: false,
  ...change,
});

describe('a request', () => {
  it('is free when it reads, allowed when it writes, put to people when it is disruptive', () => {
    expect(ruleOn(request, facts('read'), policy)).toEqual({ kind: 'free' });
    expect(ruleOn(request, facts('write'), policy)).toEqual({ kind: 'allow', effect: 'write' });
    expect(ruleOn(request, facts(), policy)).toMatchObject({ kind: 'ask', approval: owner, excluded: ['arno'] });
  });

  it('of a write is put to people where an exception says so', () => {
    const connection = { connector: 'ticketing', name: 'Tickets', version: 2, removed: false };
    const ruling = ruleOn({ ...request, connector: 'ticketing' }, facts('write', { connection }), policy);
    expect(ruling).toMatchObject({ kind: 'ask', approval: { grants: 2 } });
  });

  it.each<[string, Partial<KnownFacts>, Partial<ActionRequest>, string, string]>([
    ['an unknown connection', { connection: undefined }, {}, 'wait', 'unknown_connection'],
    ['a newer connection than we know', {}, { connectionVersion: 3 }, 'wait', 'stale_request'],
    ['an older connection than we know', {}, { connectionVersion: 1 }, 'reject', 'stale_request'],
    ['the connector of another connection', {}, { connector: 'chat' }, 'reject', 'stale_request'],
    ['an unknown manifest', { manifest: undefined }, {}, 'wait', 'stale_request'],
    ['an action that the manifest does not have', {}, { action: 'explode' }, 'reject', 'unknown_action'],
    ['an unknown run', { run: undefined }, {}, 'wait', 'unknown_run'],
    ['a run that has ended', { run: { starter: { kind: 'human', id: 'x' }, ended: true } }, {}, 'reject', 'run_ended'],
    ['a playbook whose authors are not known', { playbook: undefined }, {}, 'wait', 'unknown_playbook'],
    [
      'a version of it that is not known',
      { playbook: { name: '', authors: ['arno'] } },
      {},
      'wait',
      'unknown_playbook',
    ],
    [
      'a retired playbook',
      { playbook: { name: '', authors: [], version: { retired: true } } },
      {},
      'reject',
      'playbook_retired',
    ],
    ['a closed case', { caseClosed: true }, {}, 'reject', 'case_closed'],
  ])('with %s is not answered by guessing', (_, change, requestChange, kind, code) => {
    expect(ruleOn({ ...request, ...requestChange }, facts('disruptive', change), policy)).toMatchObject({ kind, code });
  });

  it('for a manifest that is not the newest, or a removed connection, is rejected', () => {
    const { manifest, connection } = facts();
    if (!manifest || !connection) throw new Error('the facts are incomplete');
    const old = facts('write', { manifest: { ...manifest, current: false } });
    expect(ruleOn(request, old, policy)).toMatchObject({ kind: 'reject', code: 'stale_request' });
    const removed = facts('write', { connection: { ...connection, removed: true } });
    expect(ruleOn(request, removed, policy)).toMatchObject({ kind: 'reject', code: 'unknown_connection' });
  });

  it('that is disruptive never runs by itself, whatever the policy object says', () => {
    const approval = fc.record({
      roles: fc.constant<HumanApproval['roles']>(['owner']),
      grants: fc.integer({ min: -5, max: 3 }),
      deadlineMs: fc.nat(),
    });
    const anyPolicy: fc.Arbitrary<Policy> = fc.record({
      version: fc.constant('p'),
      write: fc.oneof(fc.constant('automatic' as const), approval),
      disruptive: approval,
      activation: approval,
      exceptions: fc.array(
        fc.record({ connector: fc.constantFrom('firewall', 'chat'), approval }, { requiredKeys: ['approval'] }),
      ),
      warrantLifetimeMs: fc.nat(),
    });
    fc.assert(
      fc.property(anyPolicy, fc.constantFrom(...EFFECTS), (given, effect) => {
        const ruling = ruleOn(request, facts(effect), given);
        if (effect === 'disruptive') expect(ruling.kind).toBe('ask');
        if (ruling.kind === 'ask') expect(ruling.approval.grants).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe('who is excluded', () => {
  it('is who asked, the human behind an agent, and every author; services are nobody', () => {
    expect(
      excludedSubjects(
        [
          { kind: 'agent', id: 'bot', behalfOf: 'rita' },
          { kind: 'service', id: 'playbook-orchestrator' },
        ],
        ['arno', 'rita'],
      ),
    ).toEqual(['arno', 'bot', 'rita']);
  });
});
