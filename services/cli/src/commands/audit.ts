import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { JsonObject } from '#libs/kernel';
import { print } from '../output';
import { signedIn } from '../session';

export function auditCommand(program: Command): void {
  const audit = program.command('audit').description('Verify, export and replay the ledger');
  audit
    .command('export')
    .description('Write the ledger as NDJSON: events, keys and checkpoints')
    .option('--output <file>', 'instead of standard output')
    .option('--stream <name>', 'one stream only')
    .action(async ({ output, stream }: { output?: string; stream?: string }, command: Command) => {
      const client = await signedIn(command);
      const signal = AbortSignal.timeout(24 * 60 * 60 * 1000);
      const response = await client.send('GET', '/v1/audit/export', { query: { stream }, signal });
      if (!response.body) return;
      await pipeline(
        Readable.fromWeb(response.body),
        output === undefined ? process.stdout : createWriteStream(output),
      );
    });
  audit
    .command('replay')
    .argument('<stream>', 'for example case-<id>, run-<id>, approval-<id>')
    .description('Tell a stream as a story')
    .action(async (stream: string, _options: unknown, command: Command) => {
      const story = await (await signedIn(command)).get<{ items: JsonObject[] }>('/v1/audit/replay', { stream });
      print(command, story, () => JSON.stringify(story, null, 2));
    });
}
