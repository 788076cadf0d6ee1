import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { ApprovalDetail } from '#contracts/http/approval';
import type { PlaybookImported, PlaybookView } from '#contracts/http/playbook-orchestrator';
import { ApiClient, ApiProblem, localToken } from '#libs/client';
import { repositoryRoot } from '#libs/local';
import { bruteForceAlert, deliver } from './alert-feed';
import { containmentRun } from './contained-case';
import { eventually } from './eventually';
import { PATIENCE_MS, useRunningDemo } from './running-demo';

jest.setTimeout(PATIENCE_MS);

const running = useRunningDemo();
/** An agent that works for olivia, who as an owner may decide: the agent may not. */
let token: string;
let agent: Client;

const shipped = readFileSync(
  join(repositoryRoot, 'services', 'playbook-orchestrator', 'playbooks', 'triage-note.yaml'),
  'utf8',
);
const drafted = shipped
  .replace(/playbook--[0-9a-f-]{36}/, 'playbook--0198c0de-0000-4000-8000-0000000000aa')
  .replace(/^name: .*$/m, 'name: Drafted by an agent');

beforeAll(async () => {
  const { url } = running.demo;
  ({ access_token: token } = await localToken(url, 'olivia', {
    clientId: 'countersign-agent',
    audience: 'countersign-mcp',
  }));
  agent = new Client({ name: 'an agent', version: '1.0.0' });
  const headers = { authorization: `Bearer ${token}` };
  await agent.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }));
  expect(await deliver(running.demo, bruteForceAlert())).toMatchObject({ outcome: 'accepted' });
  await containmentRun(running.demo);
});
afterAll(() => agent.close());

/** `T` is what the endpoint behind the tool answers, as JSON in a text. */
async function call<T>(name: string, input: Record<string, unknown> = {}): Promise<T> {
  const result = CallToolResultSchema.parse(await agent.callTool({ name, arguments: input }));
  const [content] = result.content;
  const text = content?.type === 'text' ? content.text : JSON.stringify(content);
  if (result.isError) throw new Error(text);
  const answer: T = JSON.parse(text);
  return answer;
}

describe('an AI agent over MCP', () => {
  it('has tools that read, validate and draft, and none that activates or decides', async () => {
    const { tools } = await agent.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'draft_playbook',
      'get_case',
      'get_playbook',
      'get_run',
      'list_cases',
      'list_playbooks',
      'list_runs',
      'validate_playbook',
    ]);
    const writing = tools.filter(({ annotations }) => annotations?.readOnlyHint !== true);
    expect(writing.map(({ name }) => name)).toEqual(['draft_playbook']);
    for (const name of ['activate_playbook', 'grant_approval', 'deny_approval']) {
      await expect(call(name, {})).rejects.toThrow();
    }
  });

  it('lists and reads cases, runs and playbooks', async () => {
    const cases = await call<{ items: { caseId: string; title: string }[] }>('list_cases');
    const [first] = cases.items;
    expect(await call('get_case', { id: first?.caseId })).toMatchObject({ title: first?.title });
    const runs = await call<{ items: { runId: string }[] }>('list_runs', { case: first?.caseId });
    expect(await call('get_run', { id: runs.items[0]?.runId })).toMatchObject({ caseId: first?.caseId });
    const playbooks = await call<{ items: { playbookId: string; name: string }[] }>('list_playbooks');
    const contain = playbooks.items.find(({ name }) => name === 'Contain a brute-force attack');
    expect(await call('get_playbook', { id: contain?.playbookId })).toMatchObject({ state: 'active' });
  });

  it('validates a playbook and is told every fault', async () => {
    expect(await call('validate_playbook', { text: shipped, format: 'yaml' })).toMatchObject({
      valid: true,
      executable: true,
    });
    const broken = shipped.replace('type: playbook', 'type: recipe');
    expect(await call('validate_playbook', { text: broken, format: 'yaml' })).toMatchObject({
      valid: false,
      findings: expect.arrayContaining([expect.objectContaining({ field: 'type', severity: 'error' })]),
    });
  });

  it('drafts one that stays inactive until a human other than the one behind it activates it', async () => {
    const made = await call<PlaybookImported>('draft_playbook', { text: drafted, format: 'yaml' });
    expect(made).toMatchObject({ state: 'draft', created: true, name: 'Drafted by an agent' });
    const { demo } = running;
    const audrey = await demo.as('audrey');
    const view = await audrey.get<PlaybookView>(`/v1/playbooks/${made.playbookId}`);
    expect(view.versions).toMatchObject([{ state: 'draft', origin: 'agent' }]);
    expect(view.versions[0]?.authors).toContain('olivia');

    const path = `/v1/approvals/${made.activationApprovalId}`;
    const asked = await eventually('the request to activate it', () => audrey.get<ApprovalDetail>(path));
    expect(asked.excluded).toContain('olivia');
    const decision = { digest: asked.digest, comment: '' };
    await expect(demo.as('olivia').then((olivia) => olivia.post(`${path}/grant`, decision))).rejects.toMatchObject({
      problem: { status: 403, code: 'requester_cannot_approve' },
    });
    expect(await (await demo.as('ruth')).post(`${path}/deny`, decision)).toMatchObject({ status: 'denied' });
  });

  it('is refused where people decide, with the token that it has', async () => {
    const client = new ApiClient(running.demo.url, token);
    const asked = await eventually('a step that waits for a human', async () => {
      const olivia = await running.demo.as('olivia');
      const { items } = await olivia.get<{ items: ApprovalDetail[] }>('/v1/approvals', { status: 'pending' });
      return items.find(({ kind }) => kind === 'action');
    });
    for (const decision of ['grant', 'deny']) {
      const refused = client.post(`/v1/approvals/${asked.id}/${decision}`, { digest: asked.digest, comment: '' });
      await expect(refused).rejects.toBeInstanceOf(ApiProblem);
      await expect(refused).rejects.toMatchObject({ problem: { status: 403, code: 'audience_refused' } });
    }
    const imported = client.post('/v1/playbooks', { text: drafted, format: 'yaml' });
    await expect(imported).rejects.toMatchObject({ problem: { status: 403 } });
  });
});
