import Table from 'cli-table3';

/** One line of a bench: what we do in a case, against the others in the same run. */
export interface BenchResult {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  readonly others: Readonly<Record<string, number>>;
  /** Ours divided by the other's; for what is better when lower, the other's divided by ours. Higher is better. */
  readonly ratio: Readonly<Record<string, number>>;
}

export function benchResult(
  name: string,
  unit: string,
  ours: number,
  others: Readonly<Record<string, number>>,
  better: 'higher' | 'lower' = 'higher',
): BenchResult {
  const ratio = Object.entries(others).map(([other, theirs]) => [
    other,
    better === 'higher' ? ours / theirs : theirs / ours,
  ]);
  return {
    case: name,
    unit,
    ours: rounded(ours),
    others: Object.fromEntries(Object.entries(others).map(([other, theirs]) => [other, rounded(theirs)])),
    ratio: Object.fromEntries(ratio.map(([other, value]) => [other, rounded(Number(value))])),
  };
}

/** A table for people; with `--json` among the arguments, one JSON object as the last line. */
export function printReport(bench: string, results: readonly BenchResult[], args: readonly string[]): void {
  const others = [...new Set(results.flatMap((result) => Object.keys(result.others)))];
  const table = new Table({
    head: ['case', 'unit', 'ours', ...others, ...others.map((other) => `ratio to ${other}`)],
    style: { head: [], border: [] },
  });
  for (const result of results) {
    const columns = others.map((other) => result.others[other] ?? '');
    table.push([
      result.case,
      result.unit,
      result.ours,
      ...columns,
      ...others.map((other) => result.ratio[other] ?? ''),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ bench, results })}\n`);
}

/** The value below which a share of the values lies; 0.5 for the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Three significant digits, and whole numbers above a hundred. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Runs a bench on the command's arguments; what goes wrong shows in standard error and the exit code. */
export function runBench(main: (args: readonly string[]) => Promise<void>): void {
  main(process.argv.slice(2)).catch((error: unknown) => {
    benchFailed(error);
    // What it was at when a signal ended it would go on, on a system that is gone.
    process.exit();
  });
}

export function benchFailed(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}

/** The number that `--name=N` gives among the arguments. */
export function numberArgument(args: readonly string[], name: string, fallback: number): number {
  return Number(args.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
}
