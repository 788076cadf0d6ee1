import type { Command } from 'commander';
import type { Source, SourceWithToken } from '#contracts/http/ingest';
import { fields, print, table, when } from '../output';
import { signedIn } from '../session';

export function sourcesCommand(program: Command): void {
  const sources = program.command('sources').description('Register the sources that send alerts');
  sources
    .command('list')
    .description('All sources')
    .action(async (_options: unknown, command: Command) => {
      const page = await (await signedIn(command)).get<{ items: Source[] }>('/v1/sources');
      const rows = page.items.map((s) => [s.id, s.name, s.format ?? 'detected', s.status, when(s.tokenIssuedAt)]);
      print(command, page, () => table(['id', 'name', 'format', 'status', 'token issued'], rows));
    });
  sources
    .command('add')
    .argument('<name>')
    .description('Register a source and print its token, this once')
    .option('--format <name>', 'a built-in format or a mapping; detected by default')
    .action(async (name: string, { format }: { format?: string }, command: Command) => {
      const body = format === undefined ? { name } : { name, format };
      const answer = await (await signedIn(command)).post<SourceWithToken>('/v1/sources', body);
      print(command, answer, () => describeToken(answer));
    });
  sources
    .command('rotate')
    .argument('<id>')
    .description('Give a source a new token; the old one is taken for a while')
    .option('--overlap <seconds>', 'how long the old token is still taken', '3600')
    .action(async (id: string, { overlap }: { overlap: string }, command: Command) => {
      const body = { overlapSeconds: Number(overlap) };
      const path = `/v1/sources/${encodeURIComponent(id)}/rotate`;
      const answer = await (await signedIn(command)).post<SourceWithToken>(path, body);
      print(command, answer, () => describeToken(answer));
    });
}

function describeToken({ source, token }: SourceWithToken): string {
  return `${fields({ source: source.name, id: source.id, token })}\nThe token is shown this once; only its hash is kept.`;
}
