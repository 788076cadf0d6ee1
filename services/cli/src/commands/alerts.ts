import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { AlertIntake } from '#contracts/http/ingest';
import { ApiClient } from '#libs/client';
import { print, table } from '../output';
import { globalsOf, UsageProblem } from '../session';

interface SendOptions {
  readonly format?: string;
  readonly ndjson?: boolean;
  readonly sourceToken?: string;
}

export function alertsCommand(program: Command): void {
  const alerts = program.command('alerts').description('Send alerts');
  alerts
    .command('send')
    .argument('<file>', 'a JSON file (one alert, or a list), an .ndjson file, or - for standard input (NDJSON)')
    .description('Send alerts as a source, with that source’s token')
    .option('--source-token <token>', 'the source’s token; COUNTERSIGN_SOURCE_TOKEN in the environment')
    .option('--format <name>', 'a built-in format or a mapping; detected by default')
    .option('--ndjson', 'one alert a line, whatever the file is called')
    .action(async (file: string, options: SendOptions, command: Command) => {
      const token = options.sourceToken ?? process.env['COUNTERSIGN_SOURCE_TOKEN'];
      if (!token) {
        throw new UsageProblem(
          'Alerts are sent with a source’s token: --source-token, or COUNTERSIGN_SOURCE_TOKEN. ' +
            'Make one with: countersign sources add NAME',
        );
      }
      if (file !== '-') {
        await access(file).catch(() => {
          throw new UsageProblem(`There is no readable file ${file}.`);
        });
      }
      const lines = options.ndjson || file === '-' || /\.(ndjson|jsonl)$/.test(file);
      const stream = file === '-' ? process.stdin : createReadStream(file);
      const answer = await new ApiClient(globalsOf(command).url, token).request<AlertIntake>('POST', '/v1/alerts', {
        query: { format: options.format },
        raw: {
          // A Node stream of bytes is what fetch takes as a web stream.
          body: Readable.toWeb(stream) as ReadableStream<Uint8Array>,
          contentType: lines ? 'application/x-ndjson' : 'application/json',
        },
        signal: AbortSignal.timeout(24 * 60 * 60 * 1000),
      });
      print(command, answer, () => describe(answer));
      if (answer.rejected > 0) process.exitCode = 1;
    });
}

function describe({ accepted, rejected, results, omitted }: AlertIntake): string {
  const bad = results.filter((result) => result.status === 'rejected');
  const rows = bad.map(({ index, code, field, reason }) => [index, code, field, reason]);
  const lines = [`${accepted} accepted, ${rejected} rejected`];
  if (rows.length > 0) lines.push(table(['index', 'code', 'field', 'reason'], rows));
  if (omitted > 0) lines.push(`${omitted} results are not listed.`);
  return lines.join('\n');
}
