import { Client } from 'pg';
import { createPostgresEventStore } from '../../libs/event-store';
import { type BenchCategory, emmett, ours, rawPg, type Write, WRITERS } from './append-writers';
import { onBenchDatabase } from './bench-database';
import { openEmmett } from './emmett';
import { benchResult, median, numberArgument, printReport, quantile, runBench } from './report';
import { inRounds } from './rounds';

/**
 * The event store against raw pg, which inserts the same rows into an identical table with identical indexes, and
 * against Emmett. Eight writers; single events, and batches of 500 events. All take turns in one run, and medians of the
 * rounds are reported. With `--shelves`, of a category that has shelves.
 */
const ROUNDS = 12;

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(writers: readonly Write[], durationMs: number): Promise<Measured> {
  // Pools have closed connections that were idle while others were measured.
  await Promise.all(writers.map((write) => write()));
  const latencies: number[] = [];
  let events = 0;
  const start = performance.now();
  await Promise.all(
    writers.map(async (write) => {
      while (performance.now() - start < durationMs) {
        const begun = performance.now();
        const written = await write();
        events += written;
        latencies.push(performance.now() - begun);
      }
    }),
  );
  const took = (performance.now() - start) / 1000;
  return { perSecond: events / took, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

async function main(args: readonly string[]): Promise<void> {
  const durationMs = numberArgument(args, 'seconds', 0.75) * 1000;
  await onBenchDatabase([], async (database) => {
    const store = createPostgresEventStore({ connection: { connectionString: database.url, max: WRITERS } });
    const clients = Array.from({ length: WRITERS }, () => new Client({ connectionString: database.url }));
    await Promise.all(clients.map((client) => client.connect()));
    const emmettStore = await openEmmett(database.emmettUrl);
    const category: BenchCategory = args.includes('--shelves') ? 'alert' : 'case';
    const shelf = category === 'alert' ? await database.shelfNow() : 0;
    const sides = {
      ours: ours(store, category),
      'raw-pg': rawPg(clients, category, shelf),
      emmett: emmett(emmettStore),
    };
    for (const { single, batched } of Object.values(sides)) {
      await measure(single, durationMs);
      await measure(batched, durationMs);
    }

    const results = [];
    for (const name of ['single', 'batched'] as const) {
      const competitors = Object.entries(sides).map(([side, { [name]: writers }]) => ({
        name: side,
        run: () => measure(writers, durationMs),
      }));
      const measured = await inRounds(name, ROUNDS, competitors, database.settle);
      const compare = (label: string, unit: string, key: keyof Measured, better: 'higher' | 'lower') => {
        const value = (side: string) => median((measured.get(side) ?? []).map((each) => each[key]));
        const others = { 'raw-pg': value('raw-pg'), emmett: value('emmett') };
        return benchResult(label, unit, value('ours'), others, better);
      };
      results.push(compare(name, 'events/s', 'perSecond', 'higher'));
      results.push(compare(`${name} p50`, 'ms', 'p50', 'lower'), compare(`${name} p99`, 'ms', 'p99', 'lower'));
    }
    await Promise.all([...clients.map((client) => client.end()), emmettStore.close(), store.close()]);
    printReport('append', results, args);
  });
}

runBench(main);
