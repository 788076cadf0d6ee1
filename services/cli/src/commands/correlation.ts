import { type Command } from 'commander';
import type { AdoptedCorrelationRules, CorrelationRulesView } from '#contracts/http/correlation';
import { DomainError } from '#libs/kernel';
import { fields, print, section, table, when } from '../output';
import { signedIn } from '../session';

export function correlationCommand(program: Command): void {
  const correlation = program
    .command('correlation')
    .description('See by which rules alerts are put into cases, and check a file of them');
  correlation
    .command('show')
    .description('The rules that hold; --at shows those that held')
    .option('--at <time>', 'RFC 3339: 2026-11-24T14:05:00Z')
    .action(async ({ at }: { at?: string }, command: Command) => {
      const view = await (await signedIn(command)).get<CorrelationRulesView>('/v1/correlation-rules', { at });
      print(command, view, () => describe(view));
    });
  correlation
    .command('history')
    .description('Every version, the latest first: since when, its digest, and which run of the service adopted it')
    .option('--limit <n>', 'at most', '50')
    .action(async ({ limit }: { limit: string }, command: Command) => {
      const page = await (
        await signedIn(command)
      ).get<{ items: AdoptedCorrelationRules[]; next?: string }>('/v1/correlation-rules/history', { limit });
      const rows = page.items.map((one) => [one.version, when(one.adoptedAt), one.digest.slice(0, 16), one.instance]);
      print(command, page, () => table(['version', 'adopted', 'digest', 'by'], rows));
    });
  correlation
    .command('check')
    .argument('<file>')
    .description('Says offline what is wrong with a file of rules, by line and field; exit code 1 when anything is')
    .action(async (file: string, _options: unknown, command: Command) => {
      // Loaded here, since it is a whole service: no other command should wait for it.
      const { loadCorrelationRules } = await import('#services/case');
      try {
        const { rules, digest } = loadCorrelationRules(file);
        const { document } = rules;
        const checked = { valid: true, digest, rules: document.rules.length };
        print(command, checked, () => `${file} is valid: ${checked.rules} rules, digest ${digest}.`);
      } catch (error) {
        if (!(error instanceof DomainError) || error.code !== 'invalid_configuration') throw error;
        const errors = error.errors ?? [{ field: '', reason: error.reason }];
        print(command, { valid: false, errors }, () =>
          [`${file} is not valid:`, ...errors.map(({ field, reason }) => `  ${withField(field, reason)}`)].join('\n'),
        );
        process.exitCode = 1;
      }
    });
}

/** `line 7: rules[0].keys is required`, as the reader looks for it in the file. */
function withField(field: string, reason: string): string {
  const [, line = '', rest = reason] = /^(line \d+: )(.*)$/s.exec(reason) ?? [];
  return `${line}${field} ${rest}`;
}

function describe({ inForce, adopted, agrees }: CorrelationRulesView): string {
  const head = fields({
    version: inForce.version,
    digest: inForce.digest,
    since: when(inForce.since),
    adopted: agrees
      ? undefined
      : `version ${adopted.version} (${adopted.digest.slice(0, 16)}), ${when(adopted.adoptedAt)}`,
    problem: inForce.problem?.reason,
  });
  const rules = agrees ? inForce.rules : adopted.rules;
  return `${head}\n${section(`Rules of version ${adopted.version}`, JSON.stringify(rules, null, 2))}`;
}
