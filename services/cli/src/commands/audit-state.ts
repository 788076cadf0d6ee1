import type { Command } from 'commander';
import type { StreamState } from '#contracts/state';
import { fields, print, section, table, when } from '../output';
import { signedIn, UsageProblem } from '../session';

/** `audit state`. */
export function stateCommand(audit: Command): void {
  audit
    .command('state')
    .argument('<stream>', 'case-<id>, run-<id>, approval-<id>, playbook--<id> or policy')
    .description('Show what a case, run, approval, playbook or the policy was at any past moment')
    .option('--at <time>', 'RFC 3339; as it is now unless told')
    .option('--since <time>', 'what has changed since then, too')
    .action(async (stream: string, query: { at?: string; since?: string }, command: Command) => {
      const client = await signedIn(command);
      const state = await client.get<StreamState>(pathOf(stream), { ...query });
      print(command, state, () => describe(state));
    });
}

function pathOf(stream: string): string {
  if (stream === 'policy' || stream === 'policy-document') return '/v1/policy/state';
  const [, kind, id] = /^(case|run|approval|playbook)-(.+)$/.exec(stream) ?? [];
  if (kind === undefined || id === undefined) {
    throw new UsageProblem(
      `'${stream}' has no state here: use case-<id>, run-<id>, approval-<id>, playbook--<id> or policy.`,
    );
  }
  return `/v1/${kind}s/${encodeURIComponent(id.replace(/^-/, ''))}/state`;
}

function describe({ stream, version, changedAt, state, changes }: StreamState): string {
  const rows = changes?.map(({ path, before, after }) => [path, textOf(before), textOf(after)]) ?? [];
  return [
    fields({ stream, version, changed: when(changedAt) }),
    section('State', JSON.stringify(state, null, 2)),
    ...(changes === undefined ? [] : [section('Changes', table(['field', 'before', 'after'], rows))]),
  ].join('\n');
}

const textOf = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
