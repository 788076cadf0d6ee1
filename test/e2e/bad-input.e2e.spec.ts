import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROBLEM_MEDIA_TYPE, type Problem } from '#contracts/http/endpoint';
import type { PlaybookImported, PlaybookSummary, RunView } from '#contracts/http/playbook-orchestrator';
import type { ApprovalDetail } from '#contracts/http/approval';
import { localToken } from '#libs/client';
import { repositoryRoot } from '#libs/local';
import { bruteForceAlert, deliver } from './alert-feed';
import { grant, waitingContainment } from './contained-case';
import { eventually } from './eventually';
import { PATIENCE_MS, sourceTokens, useRunningDemo } from './running-demo';

jest.setTimeout(PATIENCE_MS);

const running = useRunningDemo();

interface Sent {
  readonly token?: string;
  readonly json?: unknown;
  readonly text?: string;
  readonly contentType?: string;
}

/** The answer to something that must be refused. */
async function refusal(method: string, path: string, sent: Sent = {}): Promise<Problem> {
  const { token, json, text = json === undefined ? undefined : JSON.stringify(json) } = sent;
  const response = await fetch(`${running.demo.url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(text !== undefined && { 'content-type': sent.contentType ?? 'application/json' }),
    },
    body: text,
  });
  expect([response.status, response.headers.get('content-type')]).toEqual([
    expect.any(Number),
    expect.stringContaining(PROBLEM_MEDIA_TYPE),
  ]);
  const problem: unknown = await response.json();
  expect(problem).toMatchObject({ status: response.status, code: expect.any(String), detail: expect.any(String) });
  return problem as Problem;
}

async function tokenOf(subject: string): Promise<string> {
  return (await localToken(running.demo.url, subject)).access_token;
}

function shippedPlaybook(name: string): string {
  return readFileSync(join(repositoryRoot, 'services', 'playbook-orchestrator', 'playbooks', name), 'utf8');
}

describe('an alert', () => {
  const send = (sent: Sent, query = ''): Promise<Problem> => {
    const token = sourceTokens(running.demo.data)['splunk-es'];
    return refusal('POST', `/v1/alerts${query}`, { token, ...sent });
  };
  const notable = { event_id: 'bad-1', search_name: 'A search', urgency: 'high', _time: '1795525200' };

  it('that is not JSON names the place', async () => {
    const problem = await send({ text: '{"event_id": "1",' });
    expect(problem).toMatchObject({
      status: 400,
      code: 'invalid_json',
      detail: expect.stringMatching(/position|line|end/i),
    });
  });

  it('with NUL in a string names the field', async () => {
    const problem = await send({ json: { ...notable, user: 'a\0b' } }, '?format=splunk-notable');
    expect(problem).toMatchObject({ status: 400, code: 'invalid_character', field: 'user' });
    expect(problem.detail).toMatch(/NUL/);
  });

  it('without what its format requires names the field', async () => {
    const problem = await send({ json: { search_name: 'no id' } }, '?format=splunk-notable');
    expect(problem).toMatchObject({ status: 400, code: 'invalid_field', field: 'event_id' });
  });

  it('of an unknown format is told which are known', async () => {
    const named = await send({ json: notable }, '?format=arcsight-cef');
    expect(named).toMatchObject({ status: 400, code: 'unknown_format', field: 'format' });
    expect(named.detail).toMatch(/'arcsight-cef'.*splunk-notable/);
    const guessed = await send({ json: { hello: 'world' } });
    expect(guessed).toMatchObject({ status: 400, code: 'unknown_format', detail: expect.stringMatching(/\?format=/) });
  });

  it('in a body of 20 MB, or of more than 8 MiB itself, is too large', async () => {
    const body = await send({ json: { ...notable, padding: 'x'.repeat(20_000_000) } });
    expect(body).toMatchObject({
      status: 413,
      code: 'body_too_large',
      field: 'body',
      detail: expect.stringMatching(/16 MiB/),
    });
    const alert = await send({ json: { ...notable, padding: 'x'.repeat(9_000_000) } });
    expect(alert).toMatchObject({ status: 413, code: 'alert_too_large', detail: expect.stringMatching(/8 MiB/) });
  });

  it('with a wrong token, or with a person’s, is not taken', async () => {
    expect(await send({ json: notable, token: 'wrong' })).toMatchObject({ status: 401, code: 'token_invalid' });
    expect(await send({ json: notable, token: undefined })).toMatchObject({ status: 401, code: 'token_missing' });
    expect(await send({ json: notable, token: await tokenOf('olivia') })).toMatchObject({
      status: 401,
      code: 'token_invalid',
    });
  });
});

describe('a body for people’s endpoints', () => {
  it('that is not JSON, empty, or of another type is told so', async () => {
    const token = await tokenOf('root');
    const path = '/v1/sources';
    expect(await refusal('POST', path, { token, text: '{"name":' })).toMatchObject({
      status: 400,
      code: 'invalid_json',
      field: 'body',
    });
    expect(await refusal('POST', path, { token, text: 'name=x', contentType: 'text/plain' })).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
      field: 'content-type',
    });
  });

  it('with a wrong, a missing and an unknown field names each', async () => {
    const token = await tokenOf('root');
    const wrong = await refusal('POST', '/v1/sources', { token, json: { name: 'two words', colour: 'red' } });
    expect(wrong).toMatchObject({ status: 400 });
    expect(wrong.errors?.map(({ field }) => field).sort()).toEqual(['colour', 'name']);
    expect(await refusal('POST', '/v1/sources', { token, json: {} })).toMatchObject({
      code: 'invalid_field',
      field: 'name',
    });
    expect(await refusal('GET', '/v1/cases?limit=many', { token })).toMatchObject({
      status: 400,
      code: 'invalid_field',
      field: 'limit',
    });
    expect(await refusal('GET', '/v1/cases/not-an-id', { token })).toMatchObject({
      status: 400,
      code: 'invalid_field',
      field: 'id',
    });
  });

  it('with NUL, or of 20 MB, is refused before it is stored', async () => {
    const token = await tokenOf('ines');
    const path = '/v1/cases/0198c0de-0000-7000-8000-000000000001/notes';
    expect(await refusal('POST', path, { token, json: { text: 'a\0b' } })).toMatchObject({
      status: 400,
      code: 'invalid_character',
      field: 'text',
    });
    expect(await refusal('POST', path, { token, json: { text: 'x'.repeat(20_000_000) } })).toMatchObject({
      status: 413,
      code: 'body_too_large',
    });
  });

  it('about something that is not there is told so', async () => {
    const token = await tokenOf('ines');
    const id = '0198c0de-0000-7000-8000-000000000001';
    for (const path of [`/v1/cases/${id}`, `/v1/runs/${id}`, `/v1/approvals/${id}`, `/v1/playbooks/playbook--${id}`]) {
      expect([path, await refusal('GET', path, { token })]).toMatchObject([path, { status: 404, code: 'not_found' }]);
    }
  });
});

describe('a playbook', () => {
  it('with an unknown step names the step', async () => {
    const token = await tokenOf('ines');
    const text = shippedPlaybook('triage-note.yaml').replace(/^ {4}type: action$/m, '    type: incantation');
    const problem = await refusal('POST', '/v1/playbooks', { token, json: { text, format: 'yaml' } });
    expect(problem).toMatchObject({
      status: 400,
      code: 'invalid_playbook',
      field: expect.stringMatching(/^workflow\./),
    });
    expect(problem.detail).toMatch(/incantation|step/);
  });

  it('that is not YAML names the place', async () => {
    const token = await tokenOf('ines');
    const problem = await refusal('POST', '/v1/playbooks', {
      token,
      json: { text: 'type: [playbook', format: 'yaml' },
    });
    expect(problem).toMatchObject({ status: 400, code: expect.stringMatching(/invalid_playbook|invalid_field/) });
    expect(problem.detail).toMatch(/line/);
  });

  it('whose target cannot be reached fails with what was tried', async () => {
    const { demo } = running;
    const root = await demo.as('root');
    const unreachable = { baseUrl: 'http://127.0.0.1:9', token: 'secret://demo-targets' };
    await root.request('PUT', '/v1/connections/unreachable', {
      body: { connector: 'ticketing', name: 'Nobody there', settings: unreachable, allowedHosts: ['127.0.0.1:9'] },
    });
    const text = shippedPlaybook('triage-note.yaml')
      .replace(/playbook--[0-9a-f-]{36}/, 'playbook--0198c0de-0000-4000-8000-0000000000bb')
      .replace(/^name: .*$/m, 'name: Unreachable')
      .replaceAll('connection: ticketing', 'connection: unreachable');
    const ines = await demo.as('ines');
    const made = await ines.post<PlaybookImported>('/v1/playbooks', { text, format: 'yaml' });
    const adam = await demo.as('adam');
    const path = `/v1/approvals/${made.activationApprovalId}`;
    const asked = await eventually('the activation request', () => adam.get<ApprovalDetail>(path));
    await adam.post(`${path}/grant`, { digest: asked.digest, comment: '' });
    await eventually('it to be active', async () => {
      const { items } = await ines.get<{ items: PlaybookSummary[] }>('/v1/playbooks');
      return items.some(({ playbookId, state }) => playbookId === made.playbookId && state === 'active');
    });
    const variables = {
      __case_id__: '0198c0de-0000-7000-8000-000000000001',
      __case_title__: 'A title',
      __case_severity__: 'low',
    };
    const { runId } = await ines.post<RunView>('/v1/runs', { playbookId: made.playbookId, variables });
    const failed = await eventually('the step to fail', async () => {
      const { steps } = await ines.get<RunView>(`/v1/runs/${runId}`);
      return steps.find(({ connectionId, status }) => connectionId === 'unreachable' && status === 'failed');
    });
    expect(failed).toMatchObject({ code: 'target_unreachable', reason: expect.stringContaining('127.0.0.1:9') });
  });
});

describe('a decision', () => {
  let asked: ApprovalDetail[];
  beforeAll(async () => {
    expect(await deliver(running.demo, bruteForceAlert())).toMatchObject({ outcome: 'accepted' });
    asked = await waitingContainment(running.demo);
  }, PATIENCE_MS);

  it('about another digest decides nothing', async () => {
    const token = await tokenOf('olivia');
    const [first, second] = asked;
    const path = `/v1/approvals/${first?.id ?? ''}/grant`;
    const other = await refusal('POST', path, { token, json: { digest: second?.digest, comment: '' } });
    expect(other).toMatchObject({ status: 409, code: 'digest_mismatch', field: 'digest' });
    const none = await refusal('POST', path, { token, json: { digest: 'abc', comment: '' } });
    expect(none).toMatchObject({ status: 400, code: 'invalid_field', field: 'digest' });
    const olivia = await running.demo.as('olivia');
    expect(await olivia.get(`/v1/approvals/${first?.id ?? ''}`)).toMatchObject({ status: 'pending', grants: [] });
  });

  it('by somebody whose role does not do, or who may never, is refused', async () => {
    const [first] = asked;
    const path = `/v1/approvals/${first?.id ?? ''}/grant`;
    const json = { digest: first?.digest, comment: '' };
    expect(await refusal('POST', path, { token: await tokenOf('adam'), json })).toMatchObject({
      status: 403,
      code: 'permission_missing',
    });
    expect(await refusal('POST', path, { token: await tokenOf('ines'), json })).toMatchObject({
      status: 403,
      code: 'permission_missing',
    });
  });

  it('that comes after another one is told who was first', async () => {
    const [first] = asked;
    if (!first) throw new Error('nothing waits');
    await grant(running.demo, first);
    const json = { digest: first.digest, comment: 'Me too.' };
    const stale = await refusal('POST', `/v1/approvals/${first.id}/grant`, { token: await tokenOf('ruth'), json });
    expect(stale).toMatchObject({ status: 409, code: 'already_decided', detail: expect.stringMatching(/olivia/) });
  });

  it('whose connection has changed since the request is void: the connector refuses the stale warrant', async () => {
    const [, second] = asked;
    if (!second?.request) throw new Error('nothing waits');
    const { demo } = running;
    const root = await demo.as('root');
    const { connectionId } = second.request;
    const { connector, name, settings, allowedHosts } = await root.get<Record<string, unknown>>(
      `/v1/connections/${connectionId}`,
    );
    const body = { connector, name: `${String(name)}, changed`, settings, allowedHosts };
    await root.request('PUT', `/v1/connections/${connectionId}`, { body });
    await grant(demo, second).catch(() => undefined);
    const step = await eventually('the step to fail', async () => {
      const run = await root.get<RunView>(`/v1/runs/${second.runId ?? ''}`);
      return run.steps.find(({ actionId, status }) => actionId === second.id && status === 'failed');
    });
    expect(step.code).toMatch(/^(stale_request|warrant_invalid)$/);
  });
});
