import type { PlaybookImported, RunSummary, RunView } from '#contracts/http/playbook-orchestrator';
import type { StreamState } from '#contracts/state';
import { deterministicId, newId } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { eventually, OrchestratorHarness, shipped } from './orchestrator-harness';
import { service } from './service';

const postgres = useMigratedPostgres(service);
let orchestrator: OrchestratorHarness;

beforeAll(async () => {
  orchestrator = await OrchestratorHarness.start(postgres);
});
afterAll(() => orchestrator.stop());

const importText = (text: string) => orchestrator.importText(text);
const activate = (text: string) => orchestrator.activate(text);
const runIdOf = ({ playbookId, digest }: Pick<PlaybookImported, 'playbookId' | 'digest'>, cause: string): string =>
  deterministicId('run', 'default', playbookId, digest, cause);
const types = (events: readonly { type: string }[]): string[] => events.map(({ type }) => type);

describe('a run', () => {
  let contain: PlaybookImported;

  beforeAll(async () => {
    await orchestrator.publishKey();
    await orchestrator.registerConnections();
    contain = await activate(shipped('contain-brute-force.yaml'));
  });

  /** Takes a run of contain-brute-force to where both containment steps wait for a human. */
  async function toContainment(caseId: string): Promise<string> {
    const runId = runIdOf(contain, caseId);
    const lookup = await orchestrator.requested(runId, 'lookup');
    const ticket = await orchestrator.requested(runId, 'create_ticket');
    const notify = await orchestrator.requested(runId, 'post_message');
    await orchestrator.succeed(lookup, { verdict: 'malicious', score: 97, known: true });
    for (const request of [ticket, notify]) await orchestrator.allow(request);
    await orchestrator.until(runId, 'ActionDispatched', 3);
    await orchestrator.succeed(ticket, { ticket_id: 'T-1', url: 'http://tickets/T-1' });
    await orchestrator.succeed(notify, { message_id: 'm1' });
    await orchestrator.requested(runId, 'block_address');
    await orchestrator.requested(runId, 'disable_account');
    return runId;
  }

  it('goes from a case to containment, and every disruptive step waits for its warrant', async () => {
    const caseId = await orchestrator.openCase();
    const runId = runIdOf(contain, caseId);
    const lookup = await orchestrator.requested(runId, 'lookup');
    expect(lookup).toMatchObject({
      ...{ caseId, connectionId: 'intel', connectionVersion: 1, connector: 'intel', manifestVersion: 'd'.repeat(64) },
      target: { type: 'ipv4-addr', value: '203.0.113.7' },
      title: 'Look the address up',
      timeoutMs: 60_000,
    });
    // A read goes out in the same append, without a warrant; the two writes wait.
    const begun = await orchestrator.runEvents(runId);
    const dispatched = begun.filter(({ type }) => type === 'ActionDispatched');
    expect(dispatched.map(({ data }) => [data.actionId, data.warrant])).toEqual([[lookup.actionId, null]]);
    await toContainment(caseId);

    const waiting = await eventually(async () => {
      const { body } = await orchestrator.call<RunView>('GET', `/v1/runs/${runId}`, 'arno');
      return body.steps.filter(({ status }) => status === 'waiting').length === 2 ? body : undefined;
    }, 'two steps that wait');
    expect(waiting.status).toBe('waiting');
    expect(waiting.steps.filter(({ status }) => status === 'waiting').map(({ action }) => action)).toEqual([
      'block_address',
      'disable_account',
    ]);
    const block = await orchestrator.requested(runId, 'block_address');
    const disable = await orchestrator.requested(runId, 'disable_account');
    expect(block).toMatchObject({
      target: { type: 'ipv4-addr', value: '203.0.113.7' },
      parameters: { duration_minutes: 1440 },
    });
    expect(disable).toMatchObject({ target: { type: 'account', value: 'jdoe' } });

    await orchestrator.grant(disable);
    await orchestrator.grant(block);
    await orchestrator.until(runId, 'ActionDispatched', 5);
    await orchestrator.succeed(block, { rule_id: 'r-9' });
    await orchestrator.succeed(disable, { state: 'disabled' });
    const say = await eventually(async () => {
      const events = await orchestrator.runEvents(runId);
      return events.find(
        ({ type, data }) =>
          type === 'ActionRequested' && data.stepId !== null && JSON.stringify(data).includes('Contained:'),
      );
    }, 'the message');
    expect(JSON.stringify(say.data)).toContain('(rule r-9), account jdoe. Ticket http://tickets/T-1.');
    await orchestrator.allow(await requestOf(runId, 'Say that it is contained'));
    await orchestrator.until(runId, 'ActionDispatched', 6);
    await orchestrator.succeed(await requestOf(runId, 'Say that it is contained'));
    const events = await orchestrator.until(runId, 'RunCompleted');
    expect(types(events).filter((type) => type === 'RunStarted')).toHaveLength(1);

    const view = await eventually(async () => {
      const { body } = await orchestrator.call<RunView>('GET', `/v1/runs/${runId}`, 'arno');
      return body.status === 'completed' ? body : undefined;
    }, 'the read model');
    expect(view).toMatchObject({ caseId, trigger: 'case_opened', playbookDigest: contain.digest, overridden: [] });
    const blocked = view.steps.find(({ action }) => action === 'block_address');
    expect(blocked).toMatchObject({ status: 'completed', outputs: { __rule_id__: 'r-9' } });
    expect(blocked?.waitingMs).toBeGreaterThan(0);
    const listed = await orchestrator.call<{ items: RunSummary[] }>(
      'GET',
      `/v1/runs?case=${caseId}&status=completed`,
      'arno',
    );
    expect(listed.body.items.map((run) => run.runId)).toEqual([runId]);

    // Invariant 1: rebuilt, the read models give the same answer, and nothing is asked for again.
    const reports = await orchestrator.rebuild();
    expect(reports.map(({ projection, outcome, equal }) => [projection, outcome, equal])).toEqual([
      ['playbooks', 'replaced', true],
      ['runs', 'replaced', true],
    ]);
    const rebuilt = await orchestrator.call<RunView>('GET', `/v1/runs/${runId}`, 'arno');
    expect(rebuilt.body).toEqual(view);
    expect(await orchestrator.runEvents(runId)).toHaveLength(events.length);
  });

  async function requestOf(runId: string, title: string) {
    return eventually(async () => {
      const events = await orchestrator.runEvents(runId);
      const found = events.find(
        ({ type, data }) => type === 'ActionRequested' && JSON.stringify(data).includes(`"title":"${title}"`),
      );
      return found && (found.data.request as unknown as Awaited<ReturnType<typeof orchestrator.requested>>);
    }, title);
  }

  it('follows on_failure when a step is denied, expires, or gets a warrant that is none', async () => {
    const caseId = await orchestrator.openCase();
    const runId = await toContainment(caseId);
    const block = await orchestrator.requested(runId, 'block_address');
    const disable = await orchestrator.requested(runId, 'disable_account');
    // A valid warrant, of another action.
    await orchestrator.grant(block, await orchestrator.warrantFor(disable, ['olivia']));
    await orchestrator.deny(disable);
    await requestOf(runId, 'Say that it is not contained');
    const events = await orchestrator.runEvents(runId);
    const failed = new Map(
      events.filter(({ type }) => type === 'StepFailed').map(({ data }) => [data.stepId, data.code]),
    );
    expect(failed.get(block.stepId)).toBe('warrant_invalid');
    expect(failed.get(disable.stepId)).toBe('denied');
    expect(types(events).filter((type) => type === 'ActionDispatched')).toHaveLength(3);
  });

  it('can be looked at as it was at any past moment, and so can its playbook', async () => {
    const caseId = await orchestrator.openCase();
    const runId = runIdOf(contain, caseId);
    const lookup = await orchestrator.requested(runId, 'lookup');
    const ask = async (path: string) => (await orchestrator.call<StreamState>('GET', path, 'arno')).body;
    const before = await ask(`/v1/runs/${runId}/state`);
    await orchestrator.succeed(lookup, { verdict: 'malicious', score: 97, known: true });
    const after = await eventually(async () => {
      const state = await ask(`/v1/runs/${runId}/state?since=${before.changedAt}`);
      return state.version > before.version ? state : undefined;
    }, 'a step that has its result');
    expect(before.state).toMatchObject({ status: 'running', steps: { [lookup.stepId]: { status: 'waiting' } } });
    expect(after.changes).toContainEqual({
      path: `steps.${lookup.stepId}.status`,
      before: 'waiting',
      after: 'completed',
    });
    const playbook = await ask(`/v1/playbooks/${contain.playbookId}/state?since=2020-01-01T00:00:00Z`);
    expect(playbook.state).toMatchObject({ active: contain.digest, versions: { [contain.digest]: 'active' } });
    expect(playbook.changes?.map(({ path }) => path)).toEqual(['playbookId', 'versions', 'active']);
  });

  it('is started once for a case, and survives a restart', async () => {
    const caseId = await orchestrator.openCase();
    const runId = await toContainment(caseId);
    await orchestrator.groupAlert(caseId);
    await orchestrator.restart();
    await orchestrator.deny(await orchestrator.requested(runId, 'block_address'), 'ApprovalExpired');
    await orchestrator.deny(await orchestrator.requested(runId, 'disable_account'));
    await orchestrator.allow(await requestOf(runId, 'Say that it is not contained'));
    await orchestrator.until(runId, 'ActionDispatched', 4);
    const say = await requestOf(runId, 'Say that it is not contained');
    await orchestrator.end(say, {
      type: 'ActionOutcomeUnknown',
      data: { attempts: 1, code: 'lost', reason: 'no answer' },
    });
    const events = await orchestrator.until(runId, 'RunCompleted');
    expect(events.find(({ type, data }) => type === 'StepFailed' && data.stepId === say.stepId)?.data.code).toBe(
      'outcome_unknown',
    );
    const runs = await orchestrator.call<{ items: RunSummary[] }>('GET', `/v1/runs?case=${caseId}`, 'arno');
    expect(runs.body.items).toHaveLength(1);
  });

  it('stops when its case is closed: what waits is withdrawn', async () => {
    const caseId = await orchestrator.openCase();
    const runId = await toContainment(caseId);
    const closed = { caseId, from: 'new', to: 'closed', resolution: 'benign', comment: '' };
    await orchestrator.append('case', `case-${caseId}`, { type: 'CaseStatusChanged', data: closed });
    const events = await orchestrator.until(runId, 'RunFailed');
    expect(types(events).slice(-3)).toEqual(['ActionWithdrawn', 'ActionWithdrawn', 'RunFailed']);
    expect(events.at(-1)?.data).toMatchObject({ code: 'case_closed' });
  });
});

describe('a trigger', () => {
  it('waits for a connection that is not known yet, and starts a run for each alert where the playbook says so', async () => {
    const each = await activate(
      shipped('triage-note.yaml')
        .replace('7e7c1b0002', '7e7c1b0006')
        .replace('on: case_opened', 'on: alert_grouped\n        each: event')
        .replace("__case_severity__:value = 'medium'", '__score__:value > 90')
        .replace('connection: ticketing', 'connection: late'),
    );
    const caseId = await orchestrator.openCase({ severity: 'low', verdict: 'unknown' });
    const first = await orchestrator.groupAlert(caseId);
    const second = await orchestrator.groupAlert(caseId);
    // By now the first is waiting for news of the connection.
    await orchestrator.registerConnection('late', { create_ticket: 'write' });
    for (const { id } of [first, second]) {
      const request = await orchestrator.requested(runIdOf(each, id), 'create_ticket');
      expect(request).toMatchObject({
        connectionId: 'late',
        parameters: { title: 'SSH brute force', severity: 'low' },
      });
    }
    const runs = await eventually(async () => {
      const { body } = await orchestrator.call<{ items: RunSummary[] }>('GET', `/v1/runs?case=${caseId}`, 'arno');
      return body.items.length >= 2 ? body.items : undefined;
    }, 'two runs');
    expect(runs.map(({ trigger }) => trigger)).toEqual(['alert_grouped', 'alert_grouped']);
  });
});

describe('time', () => {
  it('ends a step that has no result after its timeout, and a run after its own', async () => {
    const quick = await activate(
      shipped('contain-brute-force.yaml')
        .replace('7e7c1b0001', '7e7c1b0005')
        .replace(/timeout: 60000/g, 'timeout: 1')
        .replace(/run_timeout: 86400000.*/, 'run_timeout: 3000'),
    );
    const caseId = await orchestrator.openCase();
    const runId = runIdOf(quick, caseId);
    const events = await orchestrator.until(runId, 'RunFailed');
    const lookup = await orchestrator.requested(runId, 'lookup');
    expect(events.find(({ type, data }) => type === 'StepFailed' && data.stepId === lookup.stepId)?.data.code).toBe(
      'timeout',
    );
    // The two writes that nobody answered are withdrawn with the run.
    expect(events.at(-1)?.data).toMatchObject({ code: 'deadline', stepId: null });
    expect(types(events).filter((type) => type === 'ActionWithdrawn')).toHaveLength(2);
    const { body } = await orchestrator.call('POST', `/v1/playbooks/${quick.playbookId}/retire`, 'olivia', {
      reason: 'a test',
    });
    expect(body).toMatchObject({ state: 'retired' });
  });
});

describe('a run that a person starts', () => {
  it('records what they set, once for each idempotency key', async () => {
    const contain = (await importText(shipped('contain-brute-force.yaml'))).body;
    const start = (variables: Record<string, unknown>, key: string) =>
      orchestrator.call<RunView>(
        'POST',
        '/v1/runs',
        'ines',
        { playbookId: contain.playbookId, variables },
        { 'idempotency-key': key },
      );
    const variables = { __malicious_ip__: '198.51.100.9', __malicious_ip_type__: 'ipv4-addr', __block_minutes__: 5 };
    const first = await start(variables, 'k1');
    expect(first).toMatchObject({
      status: 201,
      body: {
        trigger: 'manual',
        caseId: null,
        startedBy: { kind: 'human', id: 'ines' },
        overridden: ['__block_minutes__', '__malicious_ip__', '__malicious_ip_type__'],
        variables: { __block_minutes__: { type: 'integer', value: '5' } },
      },
    });
    expect((await start(variables, 'k1')).body.runId).toBe(first.body.runId);
    expect((await start(variables, 'k2')).body.runId).not.toBe(first.body.runId);

    expect(await start({ __ticket_id__: 'x' }, 'k3')).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_field',
        field: 'variables.__ticket_id__',
        detail: expect.stringContaining('not external'),
      },
    });
    expect(await start({ __block_minutes__: 'soon' }, 'k4')).toMatchObject({
      status: 400,
      body: { field: 'variables.__block_minutes__' },
    });
    const unknownCase = { playbookId: contain.playbookId, caseId: newId() };
    expect(await orchestrator.call('POST', '/v1/runs', 'ines', unknownCase)).toMatchObject({
      status: 404,
      body: { field: 'caseId' },
    });
    expect(await orchestrator.call('POST', '/v1/runs', 'ines', { playbookId: newId() })).toMatchObject({
      status: 409,
      body: { code: 'invalid_transition' },
    });
    expect((await orchestrator.call('POST', '/v1/runs', 'arno', { playbookId: contain.playbookId })).status).toBe(403);
    expect((await orchestrator.call('GET', `/v1/runs/${newId()}`, 'arno')).status).toBe(404);
  });
});
