import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { FUZZ_TARGETS } from './targets';

/** An input that takes longer is a hang. Milliseconds. */
const HANG_MS = 100;
/** What may be in memory at the end beside what was there after the first tenth. Bytes. */
const MOST_GROWTH = 32 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

/** What is in use once nothing is left that could be freed. Bytes. */
function heapUsed(): number {
  if (typeof collectGarbage === 'function') collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** What is slow a second and a third time is slow by itself, and not by what else the machine does. Milliseconds. */
async function shortest(work: () => void | Promise<void>): Promise<number> {
  let took = Infinity;
  for (let round = 0; round < 3 && took > HANG_MS; round += 1) {
    const before = performance.now();
    await work();
    took = Math.min(took, performance.now() - before);
  }
  return took;
}

/** One target: as many inputs as are asked for, the slowest, and what they left in memory. One line of JSON. */
async function fuzz(name: string, inputs: number, seed: number): Promise<boolean> {
  const target = FUZZ_TARGETS[name];
  if (target === undefined) throw new Error(`There is no ${name}; there are ${Object.keys(FUZZ_TARGETS).join(', ')}.`);
  const started = performance.now();
  const seen = { inputs: 0, slowestMs: 0, over: 0, heapAtTenth: 0 };
  const property = target.property(async (work) => {
    const took = await shortest(work);
    seen.inputs += 1;
    seen.slowestMs = Math.max(seen.slowestMs, took);
    if (took > HANG_MS) seen.over += 1;
    if (seen.inputs === Math.ceil(inputs / 10)) seen.heapAtTenth = heapUsed();
  });
  const { failed, errorInstance, counterexample } = await fc.check(property, {
    numRuns: inputs,
    seed,
    endOnFailure: true,
  });
  const growth = heapUsed() - seen.heapAtTenth;
  const report = {
    target: name,
    seed,
    inputs: seen.inputs,
    seconds: Math.round((performance.now() - started) / 1_000),
    slowestMs: Number(seen.slowestMs.toFixed(1)),
    overHangMs: seen.over,
    heapGrowthMiB: Number((growth / 1024 / 1024).toFixed(1)),
    failed,
    ...(failed && { error: String(errorInstance), counterexample: fc.stringify(counterexample).slice(0, 2_000) }),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return !failed && seen.over === 0 && growth < MOST_GROWTH;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(FUZZ_TARGETS);
  for (const name of names) if (!(await fuzz(name, Number(values.inputs), Number(values.seed)))) process.exitCode = 1;
}

void main();
