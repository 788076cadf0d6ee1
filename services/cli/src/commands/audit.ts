import type { KeyObject } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { AuditReport } from '#contracts/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { Story } from '#contracts/http/ledger';
import { fields, print, section, table, when } from '../output';
import { signedIn, UsageProblem } from '../session';
import { demandReadable, readWitness } from '../witness';
import { proofCommands } from './audit-proofs';
import { stateCommand } from './audit-state';

/** An export is read in larger pieces than is usual: each costs as much as some events. */
const READ_BYTES = 1024 * 1024;
const A_DAY_MS = 24 * 60 * 60 * 1000;

export function auditCommand(program: Command): void {
  const audit = program.command('audit').description('Verify, export and replay the ledger');
  audit
    .command('verify')
    .argument('[export]', 'an export to verify offline; without it the running Countersign verifies its ledger')
    .description('Check chains, checkpoints and signatures; exit code 1 when something does not hold')
    .option('--root-key <file>', 'for an export: the root’s public key (PEM), kept outside')
    .option('--witness <file>', 'for an export: a later checkpoint that was kept elsewhere (JSON)')
    .option(
      '--single-tenant',
      'for an export: there is no other tenant, so that a leaf is an event that somebody hides',
    )
    .option('--strict', 'for an export: parse every event and write its canonical form anew; the report is the same')
    .option('--no-checkpoint', 'verify what is there, without signing a checkpoint over the latest events first')
    .action(async (file: string | undefined, options: VerifyOptions, command: Command) => {
      const report = file === undefined ? await verifyRunning(command, options) : await verifyFile(file, options);
      print(command, report, () => describeReport(report));
      if (!report.verified) process.exitCode = 1;
    });
  audit
    .command('checkpoint')
    .description('Sign a checkpoint over all that is recorded, and print it (JSON): a witness, to be kept elsewhere')
    .action(async (_options: unknown, command: Command) => {
      const client = await signedIn(command);
      const checkpoint = await client.post<CheckpointSigned>('/v1/audit/checkpoints');
      process.stdout.write(`${JSON.stringify(checkpoint)}\n`);
    });
  audit
    .command('export')
    .description('Write the ledger as NDJSON, to be verified offline')
    .option('--output <file>', 'instead of standard output')
    .option('--stream <name>', 'one stream only')
    .option('--no-checkpoint', 'export what is there, without signing a checkpoint over the latest events first')
    .action(async ({ output, stream, checkpoint }: ExportOptions, command: Command) => {
      const client = await signedIn(command);
      if (checkpoint && stream === undefined) await client.post('/v1/audit/checkpoints');
      const signal = AbortSignal.timeout(A_DAY_MS);
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
    .description('Tell a stream as a story, one sentence an event')
    .action(async (stream: string, _options: unknown, command: Command) => {
      const client = await signedIn(command);
      const items: Story['items'] = [];
      let cursor: string | undefined;
      do {
        const page: Story = await client.get<Story>('/v1/audit/replay', { stream, limit: 500, cursor });
        items.push(...page.items);
        cursor = page.next;
      } while (cursor !== undefined);
      const rows = items.map(({ version, time, dated, text, actor }) => [
        version,
        when(time),
        dated === undefined ? null : when(dated),
        text,
        actor.id,
      ]);
      print(command, { stream, items }, () => table(['version', 'recorded', 'happened', 'what', 'by'], rows));
    });
  stateCommand(audit);
  proofCommands(audit);
}

interface ExportOptions {
  readonly output?: string;
  readonly stream?: string;
  readonly checkpoint: boolean;
}

interface VerifyOptions {
  readonly rootKey?: string;
  readonly witness?: string;
  readonly singleTenant?: boolean;
  readonly strict?: boolean;
  readonly checkpoint: boolean;
}

async function verifyRunning(command: Command, options: VerifyOptions): Promise<AuditReport> {
  const { rootKey, witness, singleTenant, strict, checkpoint } = options;
  if (rootKey !== undefined || witness !== undefined || singleTenant || strict) {
    throw new UsageProblem(
      '--root-key, --witness, --single-tenant and --strict go with an export: ' +
        'countersign audit verify EXPORT --root-key FILE',
    );
  }
  const client = await signedIn(command);
  if (checkpoint) await client.post('/v1/audit/checkpoints');
  return client.request<AuditReport>('GET', '/v1/audit/verify', { signal: AbortSignal.timeout(A_DAY_MS) });
}

async function verifyFile(file: string, options: VerifyOptions): Promise<AuditReport> {
  const { rootKey, witness, singleTenant, strict } = options;
  if (rootKey === undefined) {
    throw new UsageProblem('An export is verified with the root’s public key, kept outside: --root-key FILE (PEM).');
  }
  // Loaded here: every other command starts several times as fast without them.
  const [{ verifyExport }, { loadRootPublicKey }] = await Promise.all([import('#libs/audit'), import('#libs/warrant')]);
  const rootPublicKey: KeyObject = await loadRootPublicKey({ rootPublicKeyFile: rootKey });
  await demandReadable(file);
  const source = createReadStream(file, { highWaterMark: READ_BYTES });
  return verifyExport(source, { rootPublicKey, witness: await readWitness(witness), singleTenant, strict });
}

function describeReport(report: AuditReport): string {
  const { summary, events, leaves, streams, checkpoints, coveredEvents, uncoveredEvents, witness } = report;
  const problems = [...(report.chains === 'ok' ? [] : report.chains), ...report.problems];
  const rows = problems.map(({ kind, stream, version, line, reason }) => [kind, stream, version, line, reason]);
  return [
    summary,
    fields({
      events,
      leaves: leaves || null,
      streams,
      checkpoints,
      covered: coveredEvents,
      'not covered': uncoveredEvents,
      witness,
    }),
    ...(rows.length > 0 ? [section('Problems', table(['kind', 'stream', 'version', 'line', 'reason'], rows))] : []),
  ].join('\n');
}
