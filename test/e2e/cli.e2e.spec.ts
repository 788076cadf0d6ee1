import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApprovalDetail } from '#contracts/http/approval';
import type { SourceWithToken } from '#contracts/http/ingest';
import { repositoryRoot } from '#libs/local';
import { bruteForceAlert } from './alert-feed';
import { countersign } from './command-line';
import { containmentRun, waitingContainment } from './contained-case';
import { PATIENCE_MS, useRunningDemo } from './running-demo';

jest.setTimeout(2 * PATIENCE_MS);

const running = useRunningDemo();
const workFile = (name: string): string => join(running.demo.data, name);

/** Its output; throws what it said when it did not end well. */
async function run(subject: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await countersign([...args, '--url', running.demo.url, '--as', subject]);
  if (code !== 0) throw new Error(`countersign ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** What it prints with --json: `T` is what the endpoint's contract says. */
async function json<T>(subject: string, ...args: string[]): Promise<T> {
  const parsed: T = JSON.parse(await run(subject, ...args, '--json'));
  return parsed;
}

interface Page<T> {
  readonly items: readonly T[];
}

/** One story, from a source to the audit: each test goes on where the one before ended. */
describe('npx countersign', () => {
  let added: SourceWithToken;
  let caseId: string;
  let asked: ApprovalDetail[];

  it('registers a source, and rotates its token', async () => {
    const first = await json<SourceWithToken>('root', 'sources', 'add', 'from-the-cli', '--format', 'splunk-notable');
    added = await json<SourceWithToken>('root', 'sources', 'rotate', first.source.id, '--overlap', '0');
    expect(added.token).not.toBe(first.token);
    expect(await run('root', 'sources', 'list')).toMatch(/^ID +NAME [^]*from-the-cli +splunk-notable +active/);
    const file = workFile('alert.json');
    writeFileSync(file, JSON.stringify(bruteForceAlert().body));
    const old = await countersign(['alerts', 'send', file, '--url', running.demo.url], {
      COUNTERSIGN_SOURCE_TOKEN: first.token,
    });
    expect(old).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('token_invalid') });
  });

  it('sends alerts of a file and of standard input, and tells which were rejected', async () => {
    const env = { COUNTERSIGN_SOURCE_TOKEN: added.token };
    const url = ['--url', running.demo.url];
    const sent = await countersign(['alerts', 'send', workFile('alert.json'), ...url], env);
    expect(sent).toMatchObject({ code: 0, stdout: expect.stringContaining('1 accepted, 0 rejected') });
    const lines = `${JSON.stringify(bruteForceAlert().body)}\n{"search_name":"no id"}\n`;
    const piped = await countersign(['alerts', 'send', '-', ...url], env, lines);
    expect(piped.stdout).toMatch(/1 accepted, 1 rejected[^]*event_id/);
    expect(piped.code).toBe(1);
  });

  it('lists cases, and shows one as it is, as it was, and by its events', async () => {
    caseId = (await containmentRun(running.demo)).caseId ?? '';
    expect(await run('arno', 'cases', 'list')).toContain(caseId);
    const shown = await run('arno', 'cases', 'show', caseId);
    expect(shown).toMatch(/Brute force against the VPN/);
    expect(shown).toMatch(/Observables[^]*203\.0\.113\.66 +malicious[^]*Timeline[^]*opened the case/);
    const events = await json<Page<{ type: string; time: string }>>('arno', 'cases', 'show', caseId, '--events');
    expect(events.items[0]?.type).toBe('CaseOpened');
    const past = await json<{ version: number; timeline: unknown[] }>(
      'arno',
      ...['cases', 'show', caseId, '--at', events.items[0]?.time ?? ''],
    );
    expect(past).toMatchObject({ caseId, version: 1 });
  });

  it('lists approvals, shows one, grants one and denies the other', async () => {
    asked = await waitingContainment(running.demo);
    const [block, disable] = asked;
    const list = await run('olivia', 'approvals', 'list');
    expect(list).toContain(block?.id);
    const shown = await run('olivia', 'approvals', 'show', block?.id ?? '');
    expect(shown).toMatch(/effect +disruptive/);
    expect(shown).toMatch(new RegExp(`digest +${block?.digest ?? '-'}`));
    expect(shown).toMatch(/you +may decide this/);
    const decision = ['--digest', block?.digest ?? '', '--comment', 'Confirmed by phone.'];
    expect(await run('olivia', 'approvals', 'grant', block?.id ?? '', ...decision)).toMatch(/decided +.* by olivia/);
    const denied = await json<ApprovalDetail>(
      'olivia',
      ...['approvals', 'deny', disable?.id ?? '', '--digest', disable?.digest ?? ''],
    );
    expect(denied.status).toBe('denied');
  });

  it('lists and shows runs', async () => {
    const { runId } = await containmentRun(running.demo);
    expect(await run('arno', 'runs', 'list', '--case', caseId)).toContain(runId);
    expect(await run('arno', 'runs', 'show', runId)).toMatch(
      /waiting for people +\d+ ms[^]*Block the attacking address/,
    );
  });

  it('imports a playbook, which another person activates', async () => {
    const file = workFile('playbook.yaml');
    const folder = join(repositoryRoot, 'services', 'playbook-orchestrator', 'playbooks');
    const text = readFileSync(join(folder, 'triage-note.yaml'), 'utf8');
    const id = 'playbook--0198c0de-0000-4000-8000-0000000000cc';
    writeFileSync(file, text.replace(/playbook--[0-9a-f-]{36}/, id).replace(/^name: .*$/m, 'name: From the CLI'));
    expect(await run('ines', 'playbooks', 'import', file)).toMatch(/is imported \(draft\)[^]*playbooks activate/);
    const own = await countersign(['playbooks', 'activate', id, '--url', running.demo.url, '--as', 'ines']);
    expect(own).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/permission_missing|requester_cannot_approve/),
    });
    expect(await run('adam', 'playbooks', 'activate', id)).toMatch(/“From the CLI” is activated/);
    expect(await run('adam', 'playbooks', 'list')).toMatch(new RegExp(`${id} +(active|draft)`));
    expect(await run('adam', 'playbooks', 'show', id)).toMatch(/ines/);
  });

  it('verifies, exports and replays the ledger, and verifies the export offline', async () => {
    const report = await json<{ verified: boolean; events: number }>('audrey', 'audit', 'verify');
    expect(report).toMatchObject({ verified: true });
    const [file, witness] = [workFile('export.ndjson'), workFile('witness.json')];
    writeFileSync(witness, await run('audrey', 'audit', 'checkpoint'));
    await run('audrey', 'audit', 'export', '--output', file);
    expect(readFileSync(file, 'utf8').split('\n').length).toBeGreaterThan(100);
    const key = ['--root-key', join(running.demo.data, 'keys', 'root.public.pem')];
    const offline = await countersign(['audit', 'verify', file, ...key, '--witness', witness]);
    expect(offline).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/and the witness .* agrees/) });
    // Somebody who edits one name in it is found.
    const granted = `"stream":"approval-${asked[0]?.id ?? '-'}"`;
    const lines = readFileSync(file, 'utf8').split('\n');
    const other = lines.map((line) => (line.includes(granted) ? line.replace('"enc":"1.', '"enc":"2.') : line));
    writeFileSync(file, other.join('\n'));
    const edited = await countersign(['audit', 'verify', file, ...key]);
    expect(edited).toMatchObject({ code: 1, stdout: expect.stringContaining(`approval-${asked[0]?.id ?? '-'}`) });
    expect(await run('audrey', 'audit', 'replay', `approval-${asked[0]?.id ?? ''}`)).toMatch(
      /asked 1 human with role owner[^]*olivia granted it/,
    );
  });

  it('proves an event and the checkpoints to somebody who does not see the ledger', async () => {
    const events = await json<Page<{ id: string }>>('arno', 'cases', 'show', caseId, '--events');
    const [proof, wrong] = [workFile('proof.json'), workFile('wrong.json')];
    await run('audrey', 'audit', 'prove', events.items[0]?.id ?? '', '--output', proof);
    const key = ['--root-key', join(running.demo.data, 'keys', 'root.public.pem')];
    const checked = await countersign(['audit', 'check', proof, ...key]);
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining(`version 1 of case-${caseId}`) });
    writeFileSync(wrong, readFileSync(proof, 'utf8').replace(/"enc": ?"1\./, '"enc":"2.'));
    const found = await countersign(['audit', 'check', wrong, ...key]);
    expect(found).toMatchObject({ code: 1, stdout: expect.stringContaining('not that of its content') });
    await run('audrey', 'audit', 'consistency', '1', '--output', proof);
    expect((await countersign(['audit', 'check', proof, ...key])).stdout).toMatch(/nothing was changed or removed/);
    expect(await run('audrey', 'audit', 'witnesses')).toBe('none\n');
  });

  it('shows what something was, and what has changed since', async () => {
    const approval = `approval-${asked[0]?.id ?? ''}`;
    const now = await run('olivia', 'audit', 'state', approval, '--since', '2020-01-01T00:00:00Z');
    expect(now).toMatch(/"status": "granted"[^]*Changes[^]*status +- +"granted"/);
    expect(await run('olivia', 'audit', 'state', 'policy')).toMatch(/"disruptive"/);
    expect(await run('arno', 'audit', 'state', `case-${caseId}`)).toMatch(/"severity": "/);
  });

  it('lists dead letters', async () => {
    expect(await json('audrey', 'dlq', 'list')).toEqual({ items: [] });
    expect(await run('audrey', 'dlq', 'list')).toBe('none\n');
  });

  it('gives tokens of the local issuer, and takes them', async () => {
    const token = (await run('arno', 'token', 'arno')).trim();
    expect(token.split('.')).toHaveLength(3);
    const url = ['--url', running.demo.url];
    expect((await countersign(['cases', 'list', ...url], { COUNTERSIGN_TOKEN: token })).stdout).toContain(caseId);
  });

  it('says what to do when something is wrong, and ends with a code', async () => {
    const url = ['--url', running.demo.url];
    const cases: readonly [string[], number, RegExp][] = [
      [['cases', 'list', ...url], 2, /needs a token: --token/],
      [['cases', 'list', '--url', 'http://127.0.0.1:9', '--as', 'arno'], 1, /does not answer.*Is it running/],
      [['cases', 'list', ...url, '--token', 'wrong'], 1, /token_invalid/],
      [['cases', 'show', '00000000-0000-4000-8000-000000000000', ...url, '--as', 'arno'], 1, /Not found \(not_found\)/],
      [['token', 'nobody', ...url], 1, /There is no local account 'nobody'; there are ines, adam/],
      [['alerts', 'send', 'nowhere.json', ...url, '--source-token', 'x'], 2, /no readable file nowhere\.json/],
      [['approvals', 'grant', caseId, '--digest', 'abc', ...url, '--as', 'olivia'], 2, /64 hexadecimal digits/],
      [['dlq', 'drop', '00000000-0000-4000-8000-000000000000', ...url, '--as', 'root'], 1, /there is no dead letter/],
      [['audit', 'state', 'alert-1', ...url, '--as', 'audrey'], 2, /has no state here/],
      [['cases', 'lst'], 1, /unknown command 'lst'/],
    ];
    for (const [args, code, message] of cases) {
      const output = await countersign(args);
      expect([args, output.code, output.stderr]).toEqual([args, code, expect.stringMatching(message)]);
      expect([args, output.stdout]).toEqual([args, '']);
    }
  });
});
