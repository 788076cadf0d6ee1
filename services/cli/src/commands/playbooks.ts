import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ApprovalDetail } from '#contracts/http/approval';
import type { PlaybookImported, PlaybookSummary, PlaybookView } from '#contracts/http/playbook-orchestrator';
import { fields, print, section, table, when } from '../output';
import { signedIn, UsageProblem } from '../session';

export function playbooksCommand(program: Command): void {
  const playbooks = program.command('playbooks').description('Import, activate and list CACAO 2.0 playbooks');
  playbooks
    .command('list')
    .description('All playbooks')
    .action(async (_options: unknown, command: Command) => {
      const page = await (await signedIn(command)).get<{ items: PlaybookSummary[] }>('/v1/playbooks');
      const rows = page.items.map((p) => [p.playbookId, p.state, p.versions, when(p.updatedAt), p.name]);
      print(command, page, () => table(['id', 'state', 'versions', 'updated', 'name'], rows));
    });
  playbooks
    .command('show')
    .argument('<id>')
    .description('One playbook: versions, authors, and its document with --json')
    .action(async (id: string, _options: unknown, command: Command) => {
      const view = await (await signedIn(command)).get<PlaybookView>(`/v1/playbooks/${encodeURIComponent(id)}`);
      print(command, view, () => describePlaybook(view));
    });
  playbooks
    .command('import')
    .argument('<file>', 'a CACAO 2.0 document, JSON or YAML')
    .description('Import a playbook; it stays inactive until another person activates it')
    .action(async (file: string, _options: unknown, command: Command) => {
      const text = await readFile(file, 'utf8').catch(() => {
        throw new UsageProblem(`There is no readable file ${file}.`);
      });
      const format = /\.json$/i.test(file) ? 'json' : 'yaml';
      const imported = await (await signedIn(command)).post<PlaybookImported>('/v1/playbooks', { text, format });
      print(command, imported, () => describeImport(imported));
    });
  playbooks
    .command('activate')
    .argument('<id>')
    .description('Activate the latest inactive version, as another person than its authors')
    .option('--comment <text>', 'why', '')
    .action(async (id: string, { comment }: { comment: string }, command: Command) => {
      const client = await signedIn(command);
      const view = await client.get<PlaybookView>(`/v1/playbooks/${encodeURIComponent(id)}`);
      const draft = view.versions.find((version) => version.state === 'draft');
      if (!draft) throw new UsageProblem(`“${view.name}” has no inactive version: there is nothing to activate.`);
      const path = `/v1/approvals/${draft.activationApprovalId}`;
      const approval = await client.get<ApprovalDetail>(path);
      const granted = await client.post<ApprovalDetail>(`${path}/grant`, { digest: approval.digest, comment });
      print(command, granted, () => `“${view.name}” is activated (version ${draft.digest.slice(0, 16)}).`);
    });
}

function describePlaybook(view: PlaybookView): string {
  const rows = view.versions.map((v) => [v.digest.slice(0, 16), v.state, v.authors.join(', '), v.activationApprovalId]);
  return [
    fields({ playbook: view.playbookId, name: view.name, state: view.state, updated: when(view.updatedAt) }),
    section('Versions', table(['digest', 'state', 'authors', 'activation approval'], rows)),
    ...(view.findings.length > 0 ? [section('Findings', view.findings.map((f) => JSON.stringify(f)).join('\n'))] : []),
  ].join('\n');
}

function describeImport(imported: PlaybookImported): string {
  const { name, playbookId, created, state } = imported;
  const next =
    state === 'draft' ? `Another person activates it: countersign playbooks activate ${playbookId} --as adam` : '';
  return `“${name}” ${created ? 'is imported' : 'was there already'} (${state}).\n${next}`.trimEnd();
}
