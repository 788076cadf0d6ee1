import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { ConsistencyProof, InclusionProof } from '#contracts/proof';
import type { WitnessedLedger, WitnessView } from '#contracts/witness';
import { DomainError, isJsonObject } from '#libs/kernel';
import { print, table, when } from '../output';
import { signedIn, UsageProblem } from '../session';
import { demandReadable, readWitness } from '../witness';

interface ProofOptions {
  readonly output?: string;
}

/** `audit prove`, `audit consistency`, `audit check`, `audit witnesses`, `audit witnessed`. */
export function proofCommands(audit: Command): void {
  audit
    .command('prove')
    .argument('<event>', 'the id of an event: see `cases show --events`')
    .description('Prove that an event is in the ledger which a checkpoint has signed, as JSON')
    .option('--checkpoint <n>', 'by which checkpoint; a new one unless told', wholeNumber)
    .option('--output <file>', 'instead of standard output')
    .action(async (event: string, options: ProofOptions & { checkpoint?: number }, command: Command) => {
      const client = await signedIn(command);
      const { checkpoint, output } = options;
      if (checkpoint === undefined) await client.post('/v1/audit/checkpoints');
      const path = `/v1/audit/proofs/events/${encodeURIComponent(event)}`;
      await deliver(command, await client.get<InclusionProof>(path, { checkpoint }), output);
    });
  audit
    .command('consistency')
    .argument('<from>', 'the earlier checkpoint’s number', wholeNumber)
    .argument('[to]', 'the later one’s; the last checkpoint unless told', wholeNumber)
    .description('Prove that nothing was changed or removed between two checkpoints, as JSON')
    .option('--output <file>', 'instead of standard output')
    .action(async (from: number, to: number | undefined, { output }: ProofOptions, command: Command) => {
      const client = await signedIn(command);
      await deliver(command, await client.get<ConsistencyProof>('/v1/audit/proofs/consistency', { from, to }), output);
    });
  audit
    .command('check')
    .argument('<proof>', 'what `prove` or `consistency` has written')
    .description('Check a proof offline; exit code 1 when it does not hold')
    .requiredOption('--root-key <file>', 'the root’s public key (PEM), kept outside')
    .option('--witness <file>', 'a checkpoint that was kept elsewhere, which the proof must be about (JSON)')
    .action(async (file: string, options: { rootKey: string; witness?: string }, command: Command) => {
      const [{ verifyProof }, { loadRootPublicKey }] = await Promise.all([
        import('#libs/audit'),
        import('#libs/warrant'),
      ]);
      const rootPublicKey = await loadRootPublicKey({ rootPublicKeyFile: options.rootKey });
      const witness: CheckpointSigned | undefined = await readWitness(options.witness);
      const report = verifyProof(await readProof(file), { rootPublicKey, witness });
      print(command, report, () => [report.summary, ...report.problems.map((problem) => `- ${problem}`)].join('\n'));
      if (!report.verified) process.exitCode = 1;
    });
  audit
    .command('witnesses')
    .description('Show who keeps the checkpoints outside, and how far each is')
    .action(async (_options: unknown, command: Command) => {
      const client = await signedIn(command);
      const { items } = await client.get<{ items: WitnessView[] }>('/v1/audit/witnesses');
      const rows = items.map(({ name, kind, sequence, deliveredAt, failure }) => [
        name,
        kind,
        sequence,
        deliveredAt === null ? null : when(deliveredAt),
        failure,
      ]);
      print(command, { items }, () => table(['name', 'kind', 'checkpoint', 'delivered', 'failure'], rows));
    });
  audit
    .command('witnessed')
    .argument('<ledger>', 'the thumbprint of its root key: keyId of its /v1/audit/keys')
    .description('Print the last checkpoint of another ledger that was left here (JSON), to verify its export by')
    .action(async (ledger: string, _options: unknown, command: Command) => {
      const client = await signedIn(command);
      const path = `/v1/audit/witnessed/${encodeURIComponent(ledger)}`;
      const { checkpoint } = await client.get<WitnessedLedger>(path);
      print(command, checkpoint, () => JSON.stringify(checkpoint));
    });
}

async function deliver(command: Command, proof: InclusionProof | ConsistencyProof, output?: string): Promise<void> {
  const text = JSON.stringify(proof);
  if (output === undefined) print(command, proof, () => text);
  else await writeFile(output, `${text}\n`);
}

async function readProof(file: string): Promise<InclusionProof | ConsistencyProof> {
  const { demandValid } = await import('#libs/service');
  const proof = await readJson(file);
  if (isJsonObject(proof) && proof['kind'] === 'consistency') {
    demandValid(ConsistencyProof, proof, 'the proof');
    return proof as unknown as ConsistencyProof;
  }
  demandValid(InclusionProof, proof, 'the proof');
  return proof as InclusionProof;
}

async function readJson(file: string): Promise<unknown> {
  await demandReadable(file);
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    throw new DomainError('invalid_json', { field: file, reason: 'is not JSON' });
  }
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageProblem(`A checkpoint has a whole number from 1, not '${text}'.`);
}
