import type { ApprovalDetail, ApprovalSummary } from '#contracts/http/approval';
import type { CaseSummary, EventView, TimelineEntry } from '#contracts/http/case';
import type { PlaybookSummary, PlaybookView, RunSummary, RunView } from '#contracts/http/playbook-orchestrator';
import { doneTwice, OUTSIDE_SYSTEMS, recordOf } from './outside-systems';
import { PATIENCE_MS, RunningDemo, useDataFolder } from './running-demo';

jest.setTimeout(PATIENCE_MS);

interface Page<T> {
  readonly items: readonly T[];
}

/** What the issue promises as the last line of `--json`. */
interface Result {
  readonly alerts: Record<
    'received' | 'new' | 'updated' | 'duplicate' | 'grouped' | 'suppressed' | 'rejected' | 'pending',
    number
  >;
  readonly cases: number;
  readonly runs: Record<'completed' | 'failed' | 'waiting', number>;
  readonly approvals: Record<'granted' | 'denied', number>;
  readonly actions: Record<'succeeded' | 'failed' | 'blocked' | 'unknown', number>;
  readonly targets: Record<(typeof OUTSIDE_SYSTEMS)[number], number>;
  readonly audit: { readonly events: number; readonly verified: boolean };
}

const count = expect.any(Number);
const FORM = {
  alerts: {
    received: count,
    new: count,
    updated: count,
    duplicate: count,
    grouped: count,
    suppressed: count,
    rejected: count,
    pending: count,
  },
  cases: count,
  runs: { completed: count, failed: count, waiting: count },
  approvals: { granted: count, denied: count },
  actions: { succeeded: count, failed: count, blocked: count, unknown: count },
  targets: { firewall: count, identity: count, ticketing: count, chat: count, intel: count },
  audit: { events: count, verified: expect.any(Boolean) },
};

async function resultOf(demo: RunningDemo): Promise<Result> {
  const ending = await demo.end();
  if (ending.code !== 0) throw new Error(`${JSON.stringify(ending)}\n${demo.lines.join('\n')}\n${demo.errors}`);
  const result: Result = JSON.parse(demo.lines.at(-1) ?? '');
  expect(result).toEqual(FORM);
  return result;
}

/** The bundled alerts come to the same whatever is decided. */
function expectEveryCountToSaySomething({ alerts, cases }: Result): void {
  const { received, pending, suppressed, ...outcomes } = alerts;
  expect(Object.values(outcomes).reduce((sum, one) => sum + one, 0)).toBe(received);
  expect({ received, pending, suppressed }).toEqual({ received: 67, pending: 0, suppressed: 0 });
  expect(outcomes).toEqual({ new: 18, grouped: 26, updated: 4, duplicate: 11, rejected: 8 });
  expect(cases).toBe(15);
}

describe('npm run demo -- --approve --json', () => {
  const data = useDataFolder();
  let result: Result;

  it('contains what a human granted, and proves it', async () => {
    result = await resultOf(RunningDemo.launch(data, '--approve', '--json'));
    expectEveryCountToSaySomething(result);
    expect(result.runs).toMatchObject({ failed: 0, waiting: 0 });
    expect(result.runs.completed).toBeGreaterThan(1);
    expect(result.approvals).toEqual({ granted: 2, denied: 0 });
    expect(result.actions).toMatchObject({ failed: 0, blocked: 0, unknown: 0 });
    expect(result.targets).toMatchObject({ firewall: 1, identity: 1 });
    expect(Object.values(result.targets).every((effects) => effects > 0)).toBe(true);
    expect(Object.values(result.targets).reduce((sum, effects) => sum + effects, 0)).toBe(result.actions.succeeded);
    expect(result.audit.verified).toBe(true);
    expect(result.audit.events).toBeGreaterThan(result.alerts.received);
  });

  describe('started again on the same data', () => {
    let demo: RunningDemo;
    beforeAll(async () => {
      demo = await RunningDemo.start(data);
    }, PATIENCE_MS);
    afterAll(() => demo.terminate());

    it('knows the same alerts, cases and effects', async () => {
      const ines = await demo.as('ines');
      const { total } = await ines.get<{ total: Result['alerts'] }>('/v1/ingest/account');
      expect(total).toEqual(result.alerts);
      expect((await ines.get<Page<CaseSummary>>('/v1/cases', { limit: 500 })).items).toHaveLength(result.cases);
      for (const name of OUTSIDE_SYSTEMS) {
        const record = await recordOf(data, name);
        expect([name, record.effects, doneTwice(record)]).toEqual([name, result.targets[name], []]);
      }
    });

    it('had one person import, another activate and a third grant', async () => {
      const audrey = await demo.as('audrey');
      const { items: playbooks } = await audrey.get<Page<PlaybookSummary>>('/v1/playbooks');
      expect(playbooks.length).toBeGreaterThanOrEqual(2);
      for (const { playbookId } of playbooks) {
        const { versions } = await audrey.get<PlaybookView>(`/v1/playbooks/${playbookId}`);
        expect(versions.map(({ state, authors }) => [state, authors])).toEqual([['active', ['ines']]]);
        const activation = await audrey.get<ApprovalDetail>(`/v1/approvals/${versions[0]?.activationApprovalId ?? ''}`);
        expect(activation).toMatchObject({ status: 'granted', decidedBy: 'adam' });
        expect(activation.excluded).toContain('ines');
      }
      const granted = await audrey.get<Page<ApprovalSummary>>('/v1/approvals', { status: 'granted', kind: 'action' });
      expect(granted.items.map(({ decidedBy, effect }) => [decidedBy, effect])).toEqual([
        ['olivia', 'disruptive'],
        ['olivia', 'disruptive'],
      ]);
    });

    it('shows in the case who asked, who granted and what was done, now and at any past time', async () => {
      const audrey = await demo.as('audrey');
      const run = await containment(demo);
      expect(run.steps.filter((step) => step.actionId !== null).map(({ name, status }) => [name, status])).toEqual(
        expect.arrayContaining([
          ['Look the address up', 'completed'],
          ['Open a ticket', 'completed'],
          ['Notify on call', 'completed'],
          ['Block the attacking address', 'completed'],
          ['Disable the account', 'completed'],
        ]),
      );
      const block = run.steps.find(({ name }) => name === 'Block the attacking address');
      expect(block?.waitingMs).toBeGreaterThan(0);
      const path = `/v1/cases/${run.caseId ?? ''}`;
      const { items } = await audrey.get<Page<TimelineEntry>>(`${path}/timeline`, { limit: 500 });
      const kinds = items.filter(({ stream }) => stream.endsWith(block?.actionId ?? '-')).map(({ kind }) => kind);
      expect(kinds).toEqual(['ApprovalOpened', 'ApprovalGranted', 'ActionStarted', 'ActionSucceeded']);
      const { items: events } = await audrey.get<Page<EventView>>(`${path}/events`);
      expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
      const opened = await audrey.get<CaseSummary>(path, { at: events[0]?.time });
      const now = await audrey.get<CaseSummary>(path);
      expect([opened.alertCount, now.alertCount]).toEqual([1, expect.any(Number)]);
      expect(now.alertCount).toBeGreaterThan(1);
    });
  });
});

describe('npm run demo -- --deny --json', () => {
  const data = useDataFolder();

  it('leaves firewall and identity alone', async () => {
    const result = await resultOf(RunningDemo.launch(data, '--deny', '--json', '--rate', '50'));
    expectEveryCountToSaySomething(result);
    expect(result.approvals).toEqual({ granted: 0, denied: 2 });
    expect(result.actions).toMatchObject({ failed: 0, blocked: 2, unknown: 0 });
    expect(result.targets).toMatchObject({ firewall: 0, identity: 0 });
    expect(result.targets.ticketing).toBeGreaterThan(0);
    expect(result.runs.waiting).toBe(0);
    expect(result.audit.verified).toBe(true);
  });
});

describe('npm run demo, at a terminal', () => {
  const data = useDataFolder();

  it('shows what the approver sees, asks, stays up with its URLs, and stops on SIGTERM', async () => {
    const demo = RunningDemo.launch(data, '--rate', '50');
    const question = /grant or deny\? \[g\/d\] /;
    await demo.says(question);
    const shown = demo.lines.join('\n');
    for (const label of ['action', 'target', 'why', 'digest', 'deadline'])
      expect(shown).toMatch(new RegExp(` ${label} +\\S`));
    demo.type('grant');
    await demo.says(/grant or deny\? \[g\/d\] [^]*grant or deny\? \[g\/d\] /);
    demo.type('d');
    await demo.says(/Timeline of the case/);
    const [, url] = await demo.says(/documentation +(http\S+)/);
    expect((await fetch(url ?? '')).status).toBe(200);
    await demo.says(/Ctrl-C stops it/);
    const record = await recordOf(data, 'firewall');
    expect(record.effects + (await recordOf(data, 'identity')).effects).toBe(1);
    const { code, ms } = await demo.terminate();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
  });

  it('names what is wrong with its options', async () => {
    const demo = RunningDemo.launch(data, '--approve', '--deny');
    expect((await demo.end()).code).not.toBe(0);
    expect(demo.errors).toMatch(/--approve and --deny exclude each other/);
  });
});

/** The run of the playbook that contains brute-force attacks. */
async function containment(demo: RunningDemo): Promise<RunView> {
  const audrey = await demo.as('audrey');
  const { items } = await audrey.get<Page<RunSummary>>('/v1/runs', { limit: 500 });
  const [run, ...more] = items.filter(({ playbookName }) => playbookName === 'Contain a brute-force attack');
  expect(more).toEqual([]);
  return audrey.get<RunView>(`/v1/runs/${run?.runId ?? ''}`);
}
