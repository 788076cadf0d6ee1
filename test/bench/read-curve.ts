import { Client } from 'pg';
import { createPostgresEventStore } from '../../libs/event-store';
import { onBenchDatabase } from './bench-database';
import { EVENTS_A_STREAM, growLedger, grownStream } from './grown-ledger';
import { type BenchResult, benchResult, numberArgument, printReport, quantile } from './report';

const MILLION = 1_000_000;
/** Streams whose heads are asked for in one statement. */
const HEADS = 100;
const WARM_UP = 100;

interface Measured {
  readonly ours: number[];
  readonly raw: number[];
}

/** What is read at a time; both return how many rows they have found. */
interface Reading {
  readonly name: string;
  readonly streams: number;
  readonly rowsEach: number;
  ours(streams: readonly string[]): Promise<number>;
  raw(streams: readonly string[]): Promise<number>;
}

/**
 * Whether reading a stream takes longer as the ledger grows: one stream of 20 events, and the heads of 100 streams, drawn
 * at random, at each size of the table. Raw pg sends the same statements to the same table.
 *
 * @param args `--sizes=1000000,2000000` (events), `--reads=N` at each of them.
 */
export async function readsBench(args: readonly string[]): Promise<void> {
  const sizes = sizesOf(args);
  const reads = numberArgument(args, 'reads', 2_000);
  await onBenchDatabase([], async (database) => {
    const filler = new Client({ connectionString: database.superuserUrl });
    const raw = new Client({ connectionString: database.superuserUrl });
    await Promise.all([filler.connect(), raw.connect()]);
    const store = createPostgresEventStore({ connection: { connectionString: database.url, idleTimeoutMillis: 0 } });
    const readings = readingsOf(store, raw);
    const curve = new Map<number, Map<string, Measured>>();
    const blocks = new Map<number, number>();
    let streams = 0;
    for (const size of sizes) {
      const wanted = Math.ceil(size / EVENTS_A_STREAM);
      await growLedger(filler, streams, wanted);
      streams = wanted;
      const measured = new Map<string, Measured>();
      for (const reading of readings) measured.set(reading.name, await measure(reading, streams, reads));
      curve.set(size, measured);
      blocks.set(size, await blocksOfStream(raw, streams));
    }
    await Promise.all([filler.end(), raw.end(), store.close()]);
    printReport('reads', [...report(curve), ...blockLines(blocks)], args);
  });
}

function sizesOf(args: readonly string[]): number[] {
  const given = args.find((arg) => arg.startsWith('--sizes='))?.slice('--sizes='.length);
  const sizes = given === undefined ? [1, 2, 5, 10].map((size) => size * MILLION) : given.split(',').map(Number);
  if (sizes.every((size, index) => Number.isSafeInteger(size) && size > (sizes[index - 1] ?? 0))) return sizes;
  throw new RangeError(`--sizes=${given} are not numbers of events that ascend`);
}

function readingsOf(store: ReturnType<typeof createPostgresEventStore>, raw: Client): Reading[] {
  return [
    {
      name: 'stream',
      streams: 1,
      rowsEach: EVENTS_A_STREAM,
      ours: async ([stream = '']) => (await store.readStream('case', stream)).length,
      raw: async ([stream]) => {
        const { rows } = await raw.query({
          name: 'raw stream',
          text: `select category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash, tx,
                        position
                   from ledger.events_case where category = 'case' and stream = $1 order by version`,
          values: [stream],
        });
        return rows.length;
      },
    },
    {
      name: 'heads',
      streams: HEADS,
      rowsEach: 1,
      ours: async (streams) =>
        [...(await store.heads('case', streams)).values()].filter(({ version }) => version > 0).length,
      raw: async (streams) => {
        const { rows } = await raw.query({
          name: 'raw heads',
          text: `select s.stream, e.version, e.hash from unnest($1::text[]) as s (stream)
                  cross join lateral (select version, hash from ledger.events_case
                    where category = 'case' and stream = s.stream order by version desc limit 1) e`,
          values: [streams],
        });
        return rows.length;
      },
    },
  ];
}

/** Both read by turns, never the same streams, so that neither warms the cache for the other. */
async function measure(reading: Reading, streams: number, reads: number): Promise<Measured> {
  const measured: Measured = { ours: [], raw: [] };
  for (let turn = -WARM_UP; turn < reads; turn += 1) {
    for (const side of turn % 2 === 0 ? (['ours', 'raw'] as const) : (['raw', 'ours'] as const)) {
      const drawn = Array.from({ length: reading.streams }, () => grownStream(Math.floor(Math.random() * streams)));
      const chosen = [...new Set(drawn)];
      const start = performance.now();
      const found = await reading[side](chosen);
      if (turn >= 0) measured[side].push(performance.now() - start);
      const wanted = chosen.length * reading.rowsEach;
      if (found !== wanted) throw new Error(`${found} of ${wanted} rows were found`);
    }
  }
  return measured;
}

/** What a stream costs whatever else the machine does: the blocks of table and index that PostgreSQL looks at, on average. */
async function blocksOfStream(raw: Client, streams: number): Promise<number> {
  let blocks = 0;
  for (let turn = 0; turn < WARM_UP; turn += 1) {
    const stream = grownStream(Math.floor(Math.random() * streams));
    const { rows } = await raw.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, format json)
       select * from ledger.events_case where category = 'case' and stream = '${stream}' order by version`,
    );
    const { Plan: plan } = rows[0]?.['QUERY PLAN'][0] ?? { Plan: {} };
    blocks += (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
  }
  return blocks / WARM_UP;
}

function blockLines(blocks: ReadonlyMap<number, number>): BenchResult[] {
  return [...blocks].map(([size, count]) => benchResult(`stream blocks of ${sizeText(size)}`, 'blocks', count, {}));
}

/** A line for each size and quantile, and how many times as long the largest takes as the smallest. */
function report(curve: ReadonlyMap<number, ReadonlyMap<string, Measured>>): BenchResult[] {
  const sizes = [...curve.keys()];
  const [smallest = 0, largest = 0] = [sizes[0], sizes.at(-1)];
  return ['stream', 'heads'].flatMap((name) =>
    [0.5, 0.99].flatMap((share) => {
      const label = `${name} p${share * 100}`;
      const at = (size: number, side: keyof Measured) => quantile(curve.get(size)?.get(name)?.[side] ?? [], share);
      const lines = sizes.map((size) =>
        benchResult(`${label} of ${sizeText(size)}`, 'ms', at(size, 'ours'), { 'raw-pg': at(size, 'raw') }, 'lower'),
      );
      const growth = (side: keyof Measured) => at(largest, side) / at(smallest, side);
      const times = `${label} ${sizeText(largest)} / ${sizeText(smallest)}`;
      return [...lines, benchResult(times, 'times', growth('ours'), { 'raw-pg': growth('raw') }, 'lower')];
    }),
  );
}

const sizeText = (size: number): string => (size >= MILLION ? `${size / MILLION}M` : String(size));
