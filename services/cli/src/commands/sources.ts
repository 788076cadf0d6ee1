import type { Command } from 'commander';
import type { ConfigurePoll, Source, SourceWithToken } from '#contracts/http/ingest';
import { fields, print, table, when } from '../output';
import { signedIn } from '../session';

export function sourcesCommand(program: Command): void {
  const sources = program.command('sources').description('Register the sources that send alerts');
  sources
    .command('list')
    .description('All sources')
    .action(async (_options: unknown, command: Command) => {
      const page = await (await signedIn(command)).get<{ items: Source[] }>('/v1/sources');
      const rows = page.items.map((s) => [
        ...[s.id, s.name, s.format ?? 'detected', s.status, when(s.tokenIssuedAt)],
        s.poll === null ? '' : s.poll.kind,
      ]);
      print(command, page, () => table(['id', 'name', 'format', 'status', 'token issued', 'polled'], rows));
    });
  sources
    .command('show')
    .argument('<id>')
    .description('A source, and how its polling goes')
    .action(async (id: string, _options: unknown, command: Command) => {
      const source = await (await signedIn(command)).get<Source>(`/v1/sources/${encodeURIComponent(id)}`);
      print(command, source, () => describeSource(source));
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
  pollCommand(sources);
}

/** What comes more than once. */
const collected = (value: string, before: readonly string[] = []): string[] => [...before, value];

function pollCommand(sources: Command): void {
  sources
    .command('poll')
    .argument('<id>')
    .description('Poll the alerts of a source from the API of its product (docs/alerts.md)')
    .option(
      '--kind <kind>',
      'microsoft-sentinel-incidents, microsoft-defender-incidents, microsoft-defender-alerts, crowdstrike-alerts or ' +
        'aws-guardduty-findings',
    )
    .option('--setting <name=value>', 'by kind; a credential as name=secret://file@version; repeatable', collected)
    .option('--allow-host <host>', 'host, host:port, or a private address or range; repeatable', collected)
    .option('--interval <seconds>', 'between the end of a poll and the next')
    .option('--look-back <seconds>', 'asked for again before the watermark, for what is indexed late')
    .option('--page-size <number>', 'alerts that are asked for at once')
    .option('--timeout <seconds>', 'of one request')
    .option(
      '--from <time>',
      'takes everything again that was changed since; by default from now on, or where it stopped',
    )
    .option('--stop', 'polls the source no more')
    .action(async (id: string, options: PollOptions, command: Command) => {
      const path = `/v1/sources/${encodeURIComponent(id)}/poll`;
      const client = await signedIn(command);
      const source = options.stop
        ? await client.request<Source>('DELETE', path)
        : await client.request<Source>('PUT', path, { body: pollOf(options) });
      print(command, source, () => describeSource(source));
    });
}

interface PollOptions {
  readonly kind?: string;
  readonly setting?: readonly string[];
  readonly allowHost?: readonly string[];
  readonly interval?: string;
  readonly lookBack?: string;
  readonly pageSize?: string;
  readonly timeout?: string;
  readonly from?: string;
  readonly stop?: true;
}

/** What was not given is left out, and has the default of its kind; what is wrong is said by the API. */
function pollOf({ kind, setting = [], allowHost, from, ...seconds }: PollOptions): Partial<ConfigurePoll> {
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  const settings = setting.map((text) => [text.split('=', 1)[0], text.slice(text.indexOf('=') + 1)]);
  return {
    // Only the API knows which kinds there are.
    kind: kind as ConfigurePoll['kind'],
    settings: Object.fromEntries(settings),
    allowedHosts: allowHost && [...allowHost],
    intervalSeconds: number(seconds.interval),
    lookBackSeconds: number(seconds.lookBack),
    pageSize: number(seconds.pageSize),
    timeoutSeconds: number(seconds.timeout),
    from,
  };
}

function describeSource({ settings, poll, ...source }: Source): string {
  const of = fields({
    ...{ source: source.name, id: source.id, format: source.format ?? 'detected', status: source.status },
    ...settings,
  });
  if (poll === null) return of;
  const { status, settings: asked, allowedHosts, ...rest } = poll;
  const { lastFailure, ...going } = status;
  const failure = lastFailure && `${lastFailure.reason} at ${when(lastFailure.at)}: ${lastFailure.detail}`;
  return [
    of,
    fields({ ...rest, ...asked, allowedHosts: allowedHosts.join(' ') }),
    fields({ ...going, lastFailure: failure ?? '' }),
  ].join('\n\n');
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
