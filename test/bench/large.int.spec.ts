import { exportBench } from './export-memory';
import { casesBench } from './million-cases';
import { readsBench } from './read-curve';
import type { BenchResult } from './report';

/** What a bench reports, of as little as shows that it still runs. */
async function resultsOf(bench: (args: readonly string[]) => Promise<void>, ...args: string[]): Promise<BenchResult[]> {
  let text = '';
  const output = jest.spyOn(process.stdout, 'write').mockImplementation((piece) => (text += String(piece)) !== '');
  let trouble = '';
  const progress = jest.spyOn(process.stderr, 'write').mockImplementation((piece) => (trouble += String(piece)) !== '');
  // Whatever ran before in this process may have left one.
  process.exitCode = undefined;
  try {
    await bench([...args, '--json']);
  } finally {
    output.mockRestore();
    progress.mockRestore();
  }
  const failed = Number(process.exitCode ?? 0) !== 0;
  process.exitCode = undefined;
  if (failed) throw new Error(trouble);
  const { results }: { results: BenchResult[] } = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');
  return results;
}
const named = (results: readonly BenchResult[]) => results.map((result) => result.case);

describe('the benches of what is large, made small', () => {
  it('draw the curve of reading streams', async () => {
    const results = await resultsOf(readsBench, '--sizes=400,2000', '--reads=5');
    expect(named(results)).toEqual([
      ...['stream p50 of 400', 'stream p50 of 2000', 'stream p50 2000 / 400'],
      ...['stream p99 of 400', 'stream p99 of 2000', 'stream p99 2000 / 400'],
      ...['heads p50 of 400', 'heads p50 of 2000', 'heads p50 2000 / 400'],
      ...['heads p99 of 400', 'heads p99 of 2000', 'heads p99 2000 / 400'],
      ...['stream blocks of 400', 'stream blocks of 2000'],
    ]);
    expect(results.every(({ ours }) => ours > 0)).toBe(true);
  });

  it('watch the memory of an export', async () => {
    const results = await resultsOf(exportBench, '--events=4000');
    expect(named(results)).toEqual(['export', 'rss max', 'rss max / min', 'heap max', 'heap max / min']);
    expect(results[0]).toMatchObject({ unit: 'events/s', ratio: { 'raw-pg': expect.any(Number) } });
  });

  it('look at cases, of which one is long', async () => {
    const results = await resultsOf(casesBench, '--cases=300', '--alerts=600', '--looks=10');
    const medians = named(results).filter((name) => name.endsWith(' p50'));
    expect(medians).toContain('list p50');
    expect(medians).toContain('open the long one p50');
    expect(results.every(({ ours }) => ours > 0)).toBe(true);
  });
});
