import type { ActionRequest } from '#contracts/action';
import { done, toMessage } from '#libs/bus';
import { newId, type JsonObject } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { service } from '../service';
import { activationId } from './activations';
import { ReactionsController } from './reactions.controller';
import { connection, human, until, useApprovalService } from './approval-fixture';

const at = useApprovalService(() => useMigratedPostgres(service));

describe('policy', () => {
  it('lets a write run with a warrant that names nobody, and has no answer to a read', async () => {
    const write = await at.scene({ action: 'note' });
    await at.ask(write);
    const allowed = await at.eventually(write.request.actionId, 'ActionAllowed');
    expect(allowed.data).toMatchObject({ digest: write.digest, request: write.request });
    const read = await at.scene({ action: 'lookup' });
    await at.ask(read);
    const after = await at.asked({ runId: read.runId });
    expect(await at.eventsOf(after.request.actionId)).toHaveLength(1);
    expect(await at.eventsOf(read.request.actionId)).toEqual([]);
  });

  it.each<[string, Partial<ActionRequest>, string]>([
    ['an unknown connection', { connectionId: 'nowhere' }, 'unknown_connection'],
    ['an unknown action', { action: 'explode' }, 'unknown_action'],
    ['another manifest', { manifestVersion: 'c'.repeat(64) }, 'stale_request'],
    ['a playbook that nobody drafted', { playbookDigest: 'd'.repeat(64) }, 'unknown_playbook'],
  ])('rejects a request with %s, in the end', async (_, change, code) => {
    const made = await at.scene(change);
    await at.ask(made);
    expect((await at.eventually(made.request.actionId, 'ActionRejected')).data).toMatchObject({ code });
  });

  it('takes the first answer for the only one: the same action cannot be asked for twice with other content', async () => {
    const made = await at.asked();
    const forged = { ...made, request: { ...made.request, target: { type: 'ipv4-addr', value: '198.51.100.1' } } };
    await at.ask(forged);
    const after = await at.asked({ ...made.request, actionId: newId() });
    expect(await at.typesOf(after.request.actionId)).toEqual(['ApprovalOpened']);
    expect(await at.typesOf(made.request.actionId)).toEqual(['ApprovalOpened']);
    expect((await at.call('olivia', `/${made.request.actionId}`)).body.request?.target?.value).toBe('203.0.113.7');
  });

  it('answers a redelivered request with what it has answered', async () => {
    const write = await at.scene({ action: 'note' });
    const asked = await at.ask(write);
    await at.eventually(write.request.actionId, 'ActionAllowed');
    const reactions = at.service.app.get(ReactionsController);
    expect(await reactions.onRuns([toMessage(asked), toMessage(asked)])).toEqual([done, done]);
    expect(await at.typesOf(write.request.actionId)).toEqual(['ActionAllowed']);
  });

  it('rejects a request that says one thing outside and another inside', async () => {
    const made = await at.scene();
    const { actionId, runId, stepId, caseId } = made.request;
    const request = { ...made.request, actionId: newId() } as unknown as JsonObject;
    await at.append('run', `run-${runId}`, 'ActionRequested', { actionId, runId, stepId, caseId, request });
    expect((await at.eventually(actionId, 'ActionRejected')).data).toMatchObject({ code: 'invalid_request' });
  });

  it('waits for a connection that it hears of a little later', async () => {
    const made = await at.scene({ connectionId: 'late' });
    await at.ask(made);
    await at.append('connection', 'connection-late', 'ConnectionRegistered', connection('late'));
    await at.eventually(made.request.actionId, 'ApprovalOpened');
  });
});

describe('an approval whose reason is gone', () => {
  it('is closed with its case, and its unspent warrant revoked', async () => {
    const open = await at.asked();
    await at.append('case', `case-${open.caseId}`, 'CaseOpened', {
      ...{ caseId: open.caseId, alertId: newId(), sourceId: newId(), source: 'siem', alertTitle: 'x', rule: 'r' },
      ...{ alertTime: new Date().toISOString(), alertSeverity: 'high', observables: [], attack: [] },
      ...{ verdict: 'unknown', score: 0, title: 'Phishing', severity: 'high' },
    });
    const shown = await until(async () => {
      const { body } = await at.call('olivia', `/${open.request.actionId}`);
      return body.case === null ? undefined : body.case;
    }, 'the case');
    expect(shown).toEqual({ caseId: open.caseId, title: 'Phishing', severity: 'high', status: 'new' });
    const granted = await at.asked({ caseId: open.caseId });
    await at.grant('olivia', granted);
    const closed = { caseId: open.caseId, from: 'new', to: 'closed', resolution: 'benign', comment: '' };
    await at.append('case', `case-${open.caseId}`, 'CaseStatusChanged', closed);
    await at.eventually(open.request.actionId, 'ApprovalDenied');
    expect((await at.eventually(granted.request.actionId, 'RevocationRequested')).data).toMatchObject({
      digest: granted.digest,
      request: granted.request,
    });
    const late = await at.scene({ caseId: open.caseId });
    await at.ask(late);
    expect((await at.eventually(late.request.actionId, 'ActionRejected')).data).toMatchObject({ code: 'case_closed' });
  });

  it('is closed when the run fails, and left alone when the action has begun', async () => {
    const begun = await at.asked();
    await at.grant('olivia', begun);
    const { actionId, runId, caseId } = begun.request;
    const about = { actionId, runId, caseId, stepId: 'action--1', connectionId: 'edge', action: 'block' };
    const spent = { digest: begun.digest, idempotencyKey: actionId, warrantId: newId(), approvers: ['olivia'] };
    await at.append('action', `action-${actionId}`, 'ActionStarted', { ...about, ...spent });
    const settled = `select settled from svc_approval.request_in_hand where approval_id = $1 and settled`;
    await until(async () => (await at.postgres.ownerPool().query(settled, [actionId])).rows[0], 'the action has begun');

    const waiting = await at.scene({
      runId,
      playbookId: begun.request.playbookId,
      playbookDigest: begun.playbookDigest,
    });
    await at.ask(waiting);
    await at.eventually(waiting.request.actionId, 'ApprovalOpened');
    const failed = { runId, caseId: null, stepId: null, code: 'timeout', reason: 'too late' };
    await at.append('run', `run-${runId}`, 'RunFailed', failed);
    await at.eventually(waiting.request.actionId, 'ApprovalDenied');
    expect(await at.typesOf(actionId)).toEqual(['ApprovalOpened', 'ApprovalGranted']);
    const late = await at.scene({ ...waiting.request, actionId: newId() });
    await at.ask(late);
    expect((await at.eventually(late.request.actionId, 'ActionRejected')).data).toMatchObject({ code: 'run_ended' });
  });

  it('is closed when the run withdraws it', async () => {
    const made = await at.asked();
    const { actionId, runId, caseId, stepId } = made.request;
    const reason = 'the step timed out';
    await at.append('run', `run-${runId}`, 'ActionWithdrawn', { actionId, runId, caseId, stepId, reason });
    const denied = await at.eventually(actionId, 'ApprovalDenied');
    expect(denied.data).toMatchObject({ comment: `The run no longer wants it: ${reason}` });
    const late = await at.grant('olivia', made);
    expect(late).toMatchObject({ status: 409, body: { code: 'already_decided' } });
    expect(late.body.detail).toContain('denied by approval');
  });
});

describe('the activation of a playbook', () => {
  it('is asked of somebody else than who imported it, and ends when the playbook is retired', async () => {
    const { request, playbookDigest: digest } = await at.scene();
    const id = activationId('default', request.playbookId, digest);
    await at.eventually(id, 'ApprovalOpened');
    expect((await at.call('adam', `/${id}`)).body).toMatchObject({
      kind: 'activation',
      wording: `Activate the playbook Contain, version ${digest.slice(0, 12)}`,
      requester: human('ines'),
      excluded: ['ines'],
      you: { mayDecide: true },
    });
    const { body } = await at.call('adam', `/${id}/grant`, { digest, comment: '' });
    expect(body).toMatchObject({ status: 'granted', warrantExpiresAt: null });

    const other = await at.scene();
    const stream = other.request.playbookId.replace('playbook--', 'playbook-');
    const retired = { playbookId: other.request.playbookId, digest: other.playbookDigest, reason: 'old' };
    await at.append('playbook', stream, 'PlaybookRetired', retired, { actor: human('olivia') });
    await at.eventually(activationId('default', other.request.playbookId, other.playbookDigest), 'ApprovalDenied');
  });
});
