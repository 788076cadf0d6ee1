import type { ApprovalCounts, ApprovalSummary } from '#contracts/http/approval';
import type { StreamState } from '#contracts/state';
import { useMigratedPostgres } from '#libs/testing';
import { KeyRing, loadRootPublicKey, verifyWarrant } from '#libs/warrant';
import { service } from '../service';
import { human, until, useApprovalService } from './approval-fixture';

const at = useApprovalService(() => useMigratedPostgres(service));

describe('a disruptive action', () => {
  it('is put to people, granted by another, and its warrant verifies under the pinned root', async () => {
    const made = await at.asked({}, human('arno'));
    const { request, digest } = made;
    const shown = await at.call('olivia', `/${request.actionId}`);
    expect(shown.body).toMatchObject({
      status: 'pending',
      wording: 'block 203.0.113.7 (block by "Edge firewall")',
      reason: 'Block the attacker\nIt is on a list',
      digest,
      effect: 'disruptive',
      request,
      requester: human('arno'),
      excluded: ['arno', 'ines'],
      playbook: { name: 'Contain' },
      requiredRoles: ['owner'],
      you: { mayDecide: true, code: null, reason: null },
    });

    const { status, body } = await at.grant('olivia', made);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'granted', decidedBy: 'olivia', grants: [{ by: 'olivia', comment: 'go' }] });

    const granted = await at.eventually(request.actionId, 'ApprovalGranted');
    expect(granted.meta.correlationId).toBe('story-1');
    const keys = new KeyRing(await loadRootPublicKey(at.service.context.settings));
    for (const { data } of await at.service.context.store.readStream('policy', 'policy-keys')) {
      keys.add(data as unknown as Parameters<KeyRing['add']>[0]);
    }
    const { warrant } = granted.data as { warrant: string };
    const expected = { tenant: 'default', actionId: request.actionId, digest, keys, requireApprover: true };
    expect(verifyWarrant(warrant, { ...expected, now: new Date() })).toMatchObject({
      approvers: ['olivia'],
      effect: 'disruptive',
    });
    // The very next thing that the approver reads is what they have decided.
    const list = await at.call<{ items: ApprovalSummary[] }>('olivia', `?case=${made.caseId}&status=granted`);
    expect(list.body.items.map(({ id }) => id)).toEqual([request.actionId]);
  });

  it('can be looked at as it was before it was decided, beside the policy that held', async () => {
    const made = await at.asked();
    const path = `/${made.request.actionId}/state`;
    const before = (await at.call<StreamState>('olivia', path)).body;
    await at.grant('olivia', made);
    const since = encodeURIComponent(before.changedAt);
    const { body } = await at.call<StreamState>('olivia', `${path}?since=${since}`);
    expect([before.state['status'], body.state['status']]).toEqual(['pending', 'granted']);
    expect(body.changes).toContainEqual({ path: 'status', before: 'pending', after: 'granted' });
    expect((await at.call<StreamState>('olivia', `${path}?at=${since}`)).body).toEqual(before);
    const policy = await fetch(`${at.service.url}/v1/policy/state`, { headers: await at.issuer.headersFor('olivia') });
    expect(await policy.json()).toMatchObject({
      stream: 'policy-document',
      version: 1,
      state: { version: expect.stringMatching(/^[0-9a-f]{64}$/), policy: { disruptive: { roles: ['owner'] } } },
    });
  });

  it('is not decided by who asked or wrote the playbook, nor without the role, nor for another digest', async () => {
    const made = await at.asked({}, human('olivia'));
    const { request } = made;
    expect(await at.grant('olivia', made)).toMatchObject({ status: 403, body: { code: 'requester_cannot_approve' } });
    expect(await at.grant('adam', made)).toMatchObject({ status: 403, body: { code: 'permission_missing' } });
    expect(await at.grant('arno', made)).toMatchObject({ status: 403, body: { code: 'permission_missing' } });
    expect((await at.call('olivia', `/${request.actionId}`)).body.you).toMatchObject({
      mayDecide: false,
      code: 'requester_cannot_approve',
    });
    expect(await at.grant('ruth', { ...made, digest: 'f'.repeat(64) })).toMatchObject({
      status: 409,
      body: { code: 'digest_mismatch', field: 'digest' },
    });
    expect(await at.call('ruth', `/${request.actionId}/grant`, { comment: 'x' })).toMatchObject({ status: 400 });
    expect(await at.typesOf(request.actionId)).toEqual(['ApprovalOpened']);
  });

  it('is not decided by an agent, whatever it asks for', async () => {
    const { request, digest } = await at.asked();
    const agent = await at.issuer.headersFor('olivia', { clientId: 'countersign-agent' });
    for (const verb of ['grant', 'deny', 'revoke']) {
      const answer = await at.callAs(agent.authorization, `/${request.actionId}/${verb}`, { digest, comment: '' });
      expect(answer).toMatchObject({ status: 403, body: { code: 'audience_refused' } });
    }
    expect(await at.typesOf(request.actionId)).toEqual(['ApprovalOpened']);
  });

  it('is decided once, by whoever is first; both are told the truth', async () => {
    const made = await at.asked();
    const answers = await Promise.all([
      at.grant('olivia', made),
      at.grant('ruth', made),
      at.deny('olivia', made),
      at.grant('ruth', made),
    ]);
    const decisions = (await at.eventsOf(made.request.actionId)).filter(({ type }) => type !== 'ApprovalOpened');
    expect(decisions).toHaveLength(1);
    const winner = decisions[0]?.actor.id;
    for (const { status, body } of answers) {
      if (status === 200) expect(body.decidedBy).toBe(winner);
      else
        expect([status, body.code, body.detail]).toEqual([
          409,
          'already_decided',
          expect.stringContaining(`by ${winner}`),
        ]);
    }
    expect(answers.some(({ status }) => status === 200)).toBe(true);
  });

  it('answers the same decision of the same person the same', async () => {
    const granted = await at.asked();
    const first = await at.grant('olivia', granted);
    expect(await at.grant('olivia', granted)).toEqual(first);
    const denied = await at.asked();
    const deny = () => at.deny('ruth', denied);
    const once = await deny();
    expect(once).toMatchObject({ status: 200, body: { status: 'denied', decidedBy: 'ruth', comment: 'no' } });
    expect(await deny()).toEqual(once);
    expect(await at.grant('ruth', denied)).toMatchObject({ status: 409, body: { code: 'already_decided' } });
  });

  it('that needs two humans is granted by the second one, whoever clicks twice', async () => {
    const made = await at.asked({ action: 'block_twice' });
    const first = await at.grant('olivia', made);
    expect(first.body).toMatchObject({ status: 'pending', requiredGrants: 2, grants: [{ by: 'olivia' }] });
    expect(first.body.you).toMatchObject({ mayDecide: false });
    expect((await at.grant('olivia', made)).body.status).toBe('pending');
    const second = await at.grant('ruth', made);
    expect(second.body).toMatchObject({ status: 'granted', grants: [{ by: 'olivia' }, { by: 'ruth' }] });
    const granted = await at.eventually(made.request.actionId, 'ApprovalGranted');
    expect(granted.data).toMatchObject({ approvers: ['olivia', 'ruth'] });
    expect(await at.typesOf(made.request.actionId)).toEqual(['ApprovalOpened', 'GrantRecorded', 'ApprovalGranted']);
  });

  it('expires at its deadline by itself, and a grant comes too late then', async () => {
    const made = await at.asked({ action: 'block_soon' });
    const expired = await at.eventually(made.request.actionId, 'ApprovalExpired');
    const opened = await at.eventually(made.request.actionId, 'ApprovalOpened');
    expect(expired.time >= (opened.data as { deadline: string }).deadline).toBe(true);
    expect(await at.grant('olivia', made)).toMatchObject({ status: 410, body: { code: 'approval_expired' } });
  });

  it('expires although the service was down at its deadline: a restart loses no timer', async () => {
    const made = await at.asked({ action: 'block_soon' });
    await at.service.stop();
    await at.start();
    await at.eventually(made.request.actionId, 'ApprovalExpired');
    expect(await at.typesOf(made.request.actionId)).toEqual(['ApprovalOpened', 'ApprovalExpired']);
  });

  it('is not granted after its deadline although nobody has noticed that it expired', async () => {
    // Its deadline passes on a service whose jobs do not run.
    const made = await at.asked({ action: 'block_soon' });
    await at.service.context.jobs.stop();
    const deadline = (await at.call('olivia', `/${made.request.actionId}`)).body.deadline ?? '';
    await until(async () => {
      const { rows } = await at.postgres
        .ownerPool()
        .query('select clock_timestamp() >= $1::timestamptz as yes', [deadline]);
      return rows[0].yes || undefined;
    }, 'the deadline');
    expect(await at.grant('olivia', made)).toMatchObject({ status: 410, body: { code: 'approval_expired' } });
    expect(await at.typesOf(made.request.actionId)).toEqual(['ApprovalOpened']);
    await at.service.stop();
    await at.start();
    await at.eventually(made.request.actionId, 'ApprovalExpired');
  });

  it('of another tenant does not exist', async () => {
    const made = await at.asked();
    const foreign = await at.issuer.issuer.sign({
      sub: 'olivia',
      aud: 'countersign',
      azp: 'countersign-cli',
      roles: ['owner'],
      tenant: 'other',
    });
    const answer = await at.callAs(`Bearer ${foreign}`, `/${made.request.actionId}`);
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const { digest } = made;
    const decided = await at.callAs(`Bearer ${foreign}`, `/${made.request.actionId}/grant`, { digest });
    expect(decided).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

describe('a warrant', () => {
  it('is revoked by an owner, once, and only where there is one', async () => {
    const made = await at.asked();
    const revoke = (subject: string) =>
      at.call(subject, `/${made.request.actionId}/revoke`, { reason: 'changed my mind' });
    expect(await revoke('olivia')).toMatchObject({ status: 409, body: { code: 'invalid_transition' } });
    await at.grant('olivia', made);
    expect(await revoke('adam')).toMatchObject({ status: 403, body: { code: 'permission_missing' } });
    expect(await revoke('ruth')).toMatchObject({ status: 200, body: { revocation: { by: 'ruth' } } });
    await revoke('ruth');
    expect(
      (await at.eventsOf(made.request.actionId)).filter(({ type }) => type === 'RevocationRequested'),
    ).toHaveLength(1);
  });
});

describe('the list', () => {
  it('is paged, filtered, counted, and says what is wrong with a query', async () => {
    const first = await at.call<{ items: ApprovalSummary[]; next?: string }>('arno', '?limit=2&kind=action');
    expect(first.body.items).toHaveLength(2);
    const second = await at.call<{ items: ApprovalSummary[] }>(
      'arno',
      `?limit=2&kind=action&cursor=${first.body.next ?? ''}`,
    );
    const ids = [...first.body.items, ...second.body.items].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expect(await at.call('arno', '?cursor=nonsense')).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } });
    expect(await at.call('arno', '?status=maybe')).toMatchObject({ status: 400, body: { code: 'invalid_field' } });
    const { body } = await at.call<ApprovalCounts>('arno', '/counts?kind=action');
    expect(body.granted).toBeGreaterThan(0);
    expect(body.expired).toBeGreaterThan(0);
  });
});
