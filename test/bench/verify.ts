import { createHash, type KeyObject } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyExport } from '../../libs/audit';
import { EVENTS_A_CASE } from './case-histories';
import { writeExport } from './exported-ledger';
import { benchResult, median, numberArgument, printReport, runBench } from './report';
import { inRounds } from './rounds';

/**
 * Offline verification of an export, as `npx countersign audit verify FILE` does it, against SHA-256 of the same bytes: in
 * events for each second of processor time of this process, which is what one core does on a machine of its own.
 */
const ROUNDS = 6;
const READ_BYTES = 1024 * 1024;
const readFrom = (file: string) => createReadStream(file, { highWaterMark: READ_BYTES });

async function verified(file: string, rootPublicKey: KeyObject): Promise<number> {
  const { verified, events, summary } = await verifyExport(readFrom(file), { rootPublicKey });
  if (!verified) throw new Error(summary);
  return events;
}

async function hashed(file: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of readFrom(file)) hash.update(chunk);
  hash.digest();
}

async function main(args: readonly string[]): Promise<void> {
  const cases = numberArgument(args, 'cases', 12_000);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  try {
    const file = join(folder, 'export.ndjson');
    process.stderr.write(`writing an export of ${cases * EVENTS_A_CASE} events\n`);
    const rootPublicKey = await writeExport(file, cases);
    const events = await verified(file, rootPublicKey);
    const perSecond = async (work: () => Promise<unknown>): Promise<number> => {
      const start = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(start);
      return (events * 1_000_000) / (user + system);
    };
    const measured = await inRounds('verify', ROUNDS, [
      { name: 'ours', run: () => perSecond(() => verified(file, rootPublicKey)) },
      { name: 'sha256', run: () => perSecond(() => hashed(file)) },
    ]);
    const value = (name: string) => median(measured.get(name) ?? []);
    printReport('verify', [benchResult('verify', 'events/s', value('ours'), { sha256: value('sha256') })], args);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

runBench(main);
