import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Client, Pool } from 'pg';
import { exportText } from '../../libs/audit';
import { createPostgresEventStore, type RecordedEvent } from '../../libs/event-store';
import { walkLedger } from '../../services/ledger/src/adapters/ledger-walk';
import { onBenchDatabase } from './bench-database';
import { EVENTS_A_STREAM, growLedger } from './grown-ledger';
import { type BenchResult, benchResult, numberArgument, printReport } from './report';

const PAGE = 1000;
/** Parts of an export, of each of which the most memory counts: between collections of garbage, a heap grows. */
const PARTS = 20;
/** The share of them in which everything is loaded and compiled, and the heap gets its size. */
const WARM_UP = 0.2;

/** In MB. */
interface Peak {
  events: number;
  rss: number;
  heap: number;
}

/**
 * Whether memory stays flat while a large ledger is exported, as `GET /v1/audit/export` writes it, to somebody who takes it
 * as fast as it comes; and how fast that is beside a cursor of raw pg that reads the same rows.
 *
 * @param args `--events=N`
 */
export async function exportBench(args: readonly string[]): Promise<void> {
  const events = numberArgument(args, 'events', 5_000_000);
  await onBenchDatabase([], async (database) => {
    const client = new Client({ connectionString: database.superuserUrl });
    await client.connect();
    const streams = Math.ceil(events / EVENTS_A_STREAM);
    await growLedger(client, 0, streams);
    const written = streams * EVENTS_A_STREAM;
    const peaks: Peak[] = [];
    const ours = await perSecond(written, () => exportAll(database.url, written, peaks));
    const raw = await perSecond(written, () => readByCursor(client));
    await client.end();
    for (const { events: at, rss, heap } of peaks) {
      process.stderr.write(
        `to ${at} events: at most ${Math.round(rss)} MB resident, ${Math.round(heap)} MB of heap in use\n`,
      );
    }
    printReport('export', [benchResult('export', 'events/s', ours, { 'raw-pg': raw }), ...memoryLines(peaks)], args);
  });
}

async function perSecond(expected: number, work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const events = await work();
  if (events !== expected) throw new Error(`${events} of ${expected} events were read`);
  return (events * 1000) / (performance.now() - start);
}

async function exportAll(url: string, expected: number, peaks: Peak[]): Promise<number> {
  const store = createPostgresEventStore({ connection: { connectionString: url } });
  const pool = new Pool({ connectionString: url });
  let events = 0;
  async function* watched(): AsyncGenerator<readonly RecordedEvent[]> {
    for await (const page of walkLedger(store, pool)) {
      events += page.length;
      const isNext = events * PARTS > expected * peaks.length;
      const peak = (!isNext && peaks.at(-1)) || { events, rss: 0, heap: 0 };
      if (isNext) peaks.push(peak);
      const { rss, heapUsed } = process.memoryUsage();
      peak.events = events;
      peak.rss = Math.max(peak.rss, rss / 2 ** 20);
      peak.heap = Math.max(peak.heap, heapUsed / 2 ** 20);
      yield page;
    }
  }
  const text = exportText(watched(), { tenant: 'default', exportedAt: new Date() });
  const nobody = new Writable({ write: (_chunk, _encoding, done) => setImmediate(done) });
  await pipeline(Readable.from(text, { objectMode: false, highWaterMark: 1024 * 1024 }), nobody);
  await Promise.all([store.close(), pool.end()]);
  return events;
}

async function readByCursor(client: Client): Promise<number> {
  let events = 0;
  await client.query('begin');
  await client.query(`declare everything no scroll cursor for
    select category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash, tx, position
      from ledger.events_case order by category, tx, position`);
  for (;;) {
    const { rowCount } = await client.query(`fetch ${PAGE} from everything`);
    if (!rowCount) break;
    events += rowCount;
  }
  await client.query('commit');
  return events;
}

function memoryLines(peaks: readonly Peak[]): BenchResult[] {
  const flat = peaks.slice(Math.floor(peaks.length * WARM_UP));
  return (['rss', 'heap'] as const).flatMap((what) => {
    const values = flat.map((peak) => peak[what]);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return [benchResult(`${what} max`, 'MB', most, {}), benchResult(`${what} max / min`, 'times', most / least, {})];
  });
}
