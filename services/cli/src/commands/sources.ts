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
  sources
    .command('set')
    .argument('<id>')
    .description('Change the settings of a source')
    .option('--alerts-per-second <number>', 'more are answered 429; none for no limit')
    .option('--bytes-per-second <number>', 'of alerts after decompression; none for no limit')
    .option('--hec-acknowledgement <when>', 'whether the Splunk HEC gives an ackId: optional, required or off')
    .option('--hec-query-token <yes|no>', 'whether the Splunk HEC takes the token as ?token= too')
    .action(async (id: string, options: SettingOptions, command: Command) => {
      const path = `/v1/sources/${encodeURIComponent(id)}`;
      const source = await (await signedIn(command)).request<Source>('PATCH', path, { body: settingsOf(options) });
      print(command, source, () => fields({ source: source.name, ...source.settings }));
    });
}

interface SettingOptions {
  readonly alertsPerSecond?: string;
  readonly bytesPerSecond?: string;
  readonly hecAcknowledgement?: string;
  readonly hecQueryToken?: string;
}

/** What was not given is left out, and stays as it is; what is wrong is said by the API. */
function settingsOf({ alertsPerSecond, bytesPerSecond, hecAcknowledgement, hecQueryToken }: SettingOptions) {
  const limit = (text: string) => (text === 'none' ? null : Number(text));
  return {
    ...(alertsPerSecond !== undefined && { alertsPerSecond: limit(alertsPerSecond) }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond: limit(bytesPerSecond) }),
    ...(hecAcknowledgement !== undefined && { hecAcknowledgement }),
    ...(hecQueryToken !== undefined && { hecQueryToken: hecQueryToken === 'yes' }),
  };
}

function describeToken({ source, token }: SourceWithToken): string {
  return `${fields({ source: source.name, id: source.id, token })}\nThe token is shown this once; only its hash is kept.`;
}
