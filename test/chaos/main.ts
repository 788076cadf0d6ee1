import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SERVICES, type ServiceName } from '#contracts/envelope';
import { explain, shutdownSignal, untilSignalled } from '#libs/service';
import { FAULT_KINDS, type FaultKind } from './fault';
import { overload } from './overload';
import { type RoundResult, runRound } from './round';
import { type Site, startSite } from './site';
import { setTheStage, type Stage } from './stage';
import { SOURCES } from './story';

const USAGE = `usage: npm run chaos -- [--rounds N] [--seed S] [--faults N] [--seconds N] [--only KIND,...] [--twins all|none|case,...] [--data DIR] [--keep]
       npm run chaos -- --overload MINUTES`;

interface Options {
  readonly rounds: number;
  readonly seed: number;
  /** In each round. */
  readonly faults: number;
  readonly kinds: readonly FaultKind[];
  /** Of load and faults in each round. */
  readonly seconds: number;
  readonly twins: readonly ServiceName[];
  /** Minutes of three times the capacity, instead of rounds. */
  readonly overload?: number;
  readonly data: string;
  readonly keep: boolean;
}

function parseOptions(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      rounds: { type: 'string', default: '3' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      faults: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '25' },
      only: { type: 'string', default: FAULT_KINDS.join(',') },
      twins: { type: 'string', default: 'all' },
      overload: { type: 'string' },
      data: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const twins = values.twins === 'all' ? SERVICES : SERVICES.filter((name) => values.twins.split(',').includes(name));
  const kinds = FAULT_KINDS.filter((kind) => values.only.split(',').includes(kind));
  if (kinds.length < values.only.split(',').length) throw new Error(`${USAGE}\nkinds: ${FAULT_KINDS.join(', ')}`);
  const numbers = [values.rounds, values.seed, values.faults, values.seconds].map(Number);
  if (!numbers.every((value) => Number.isInteger(value) && value >= 0)) throw new Error(USAGE);
  const [rounds = 0, seed = 0, faults = 0, seconds = 0] = numbers;
  const data = values.data ?? join(realpathSync(mkdtempSync(join(tmpdir(), 'countersign-chaos-'))), 'data');
  const minutes = values.overload === undefined ? undefined : Number(values.overload);
  if (minutes !== undefined && !(minutes > 0)) throw new Error(USAGE);
  return { rounds, seed, faults, kinds, seconds, twins, overload: minutes, data, keep: values.keep };
}

function say(message: string): void {
  process.stdout.write(`${message}\n`);
}

/** A quiet round, which tells how things end without faults, then rounds with faults. Resolves to whether all balanced. */
async function rounds(
  site: Site,
  stage: Stage,
  { rounds: count, seed, faults, kinds, seconds }: Options,
): Promise<boolean> {
  const quiet = await runRound({ number: 0, seed, faults: 0, kinds, seconds: 8 }, site, stage, undefined, say);
  tell('the quiet round', quiet);
  for (const [kind, lines] of quiet.ends) say([`  '${kind}' ends with:`, ...lines].join('\n    '));
  if (quiet.imbalance.length > 0) return false;
  let suffered = 0;
  for (let number = 1; number <= count; number += 1) {
    say(`round ${number} of ${count}, seed ${seed}`);
    const result = await runRound({ number, seed, faults, kinds, seconds }, site, stage, quiet.ends, say);
    suffered += result.faults.length;
    tell(`round ${number}`, result);
    if (result.imbalance.length > 0) {
      say(`seed ${seed}: npm run chaos -- --rounds ${number} --seed ${seed} --faults ${faults} --seconds ${seconds}`);
      return false;
    }
  }
  say(`${JSON.stringify({ seed, rounds: count, faults: suffered, balanced: true })}`);
  return true;
}

function tell(name: string, { stories, acknowledged, unanswered, settledMs, faults, imbalance }: RoundResult): void {
  const facts = `${faults.length} faults, ${stories} stories, ${acknowledged} alerts acknowledged, ${unanswered} requests to be repeated`;
  say(`${name}: ${facts}, settled ${(settledMs / 1_000).toFixed(1)} s after`);
  if (imbalance.length === 0) return say(`${name}: the books balance`);
  say(`${name}: THE BOOKS DO NOT BALANCE`);
  for (const line of imbalance) say(`  ${line}`);
  say('what was done to it:');
  for (const line of faults) say(`  ${line}`);
}

async function run(site: Site, options: Options): Promise<boolean> {
  const stage = await setTheStage(site, SOURCES);
  return options.overload === undefined ? rounds(site, stage, options) : overload(site, stage, options.overload, say);
}

async function main(argv: string[]): Promise<void> {
  const options = parseOptions(argv);
  say(`seed ${options.seed}; data ${options.data}`);
  const signalled = shutdownSignal();
  const site = await startSite({ ...options, report: say });
  let balanced = false;
  try {
    balanced = await untilSignalled(signalled, () => run(site, options));
  } finally {
    await site.stop(options.keep || !balanced);
    if (!balanced) say(`everything is kept in ${options.data}`);
  }
  process.exit(balanced ? 0 : 1);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  say(`${error instanceof Error ? (error.stack ?? explain(error)) : explain(error)}`);
  process.exit(1);
});
