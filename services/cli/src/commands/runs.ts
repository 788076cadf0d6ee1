import type { Command } from 'commander';
import type { RunSummary, RunView } from '#contracts/http/playbook-orchestrator';
import { fields, print, section, table, when } from '../output';
import { signedIn } from '../session';

export function runsCommand(program: Command): void {
  const runs = program.command('runs').description('Follow the runs of playbooks');
  runs
    .command('list')
    .description('Runs, the latest first')
    .option('--case <id>')
    .option('--status <status>', 'running, waiting, completed or failed')
    .action(async (options: { case?: string; status?: string }, command: Command) => {
      const query = { case: options.case, status: options.status, limit: 200 };
      const page = await (await signedIn(command)).get<{ items: RunSummary[] }>('/v1/runs', query);
      const rows = page.items.map((run) => [run.runId, run.status, run.playbookName, run.caseId, when(run.startedAt)]);
      print(command, page, () => table(['id', 'status', 'playbook', 'case', 'started'], rows));
    });
  runs
    .command('show')
    .argument('<id>')
    .description('One run, step by step')
    .action(async (id: string, _options: unknown, command: Command) => {
      const run = await (await signedIn(command)).get<RunView>(`/v1/runs/${encodeURIComponent(id)}`);
      print(command, run, () => describeRun(run));
    });
}

function describeRun(run: RunView): string {
  const rows = run.steps.map((step) => [
    step.kind,
    step.name,
    step.status,
    step.target?.value,
    `${step.machineMs} ms`,
    `${step.waitingMs} ms`,
    step.reason ?? step.code,
  ]);
  return [
    fields({
      run: run.runId,
      playbook: run.playbookName,
      status: run.status,
      case: run.caseId,
      started: when(run.startedAt),
      'machine time': `${run.machineMs} ms`,
      'waiting for people': `${run.waitingMs} ms`,
    }),
    section('Steps', table(['kind', 'name', 'status', 'target', 'machine', 'waiting', 'trouble'], rows)),
  ].join('\n');
}
