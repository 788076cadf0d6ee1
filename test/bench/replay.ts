import { Client } from 'pg';
import { createPostgresEventStore, type Cursor, type EventStore, type RecordedEvent } from '../../libs/event-store';
import { type BenchDatabase, onBenchDatabase } from './bench-database';
import { loadEmmett, openEmmett } from './emmett';
import { fillLedger } from './filled-ledger';
import { measureLongStream } from './long-stream';
import { benchResult, median, numberArgument, printReport, runBench } from './report';
import { inRounds } from './rounds';
import { rawPages } from './raw-pages';

/**
 * Reading every event in the order of the ledger, page by page, as an export does: through the event store, over all
 * categories and no further than readers may see; with raw pg from an identical table with identical indexes, of the one
 * category that there is, into the same objects; and through Emmett's reader of its global order. Then the state of one
 * long stream.
 */
const ROUNDS = 7;
const PAGE = 1000;

async function readOurs(store: EventStore): Promise<number> {
  let events = 0;
  let cursor: Cursor | undefined;
  for (;;) {
    const page = await store.readAfter(cursor, { limit: PAGE });
    events += page.events.length;
    if (page.events.length < PAGE) return events;
    ({ cursor } = page);
  }
}

async function readRaw(client: Client): Promise<number> {
  let events = 0;
  for await (const page of rawPages(client, PAGE)) events += page.length;
  return events;
}

async function readEmmett(client: Client): Promise<number> {
  const { readMessagesBatch } = loadEmmett();
  let events = 0;
  let after = 0n;
  for (;;) {
    const { messages, currentGlobalPosition } = await readMessagesBatch(client, { after, batchSize: PAGE });
    events += messages.length;
    if (messages.length < PAGE) return events;
    after = currentGlobalPosition;
  }
}

async function copyToEmmett({ url, emmettUrl }: BenchDatabase): Promise<void> {
  const [store, emmett] = [
    createPostgresEventStore({ connection: { connectionString: url } }),
    await openEmmett(emmettUrl),
  ];
  let cursor: Cursor | undefined;
  for (;;) {
    const page = await store.readAfter(cursor, { limit: 5000 });
    for (const [stream, events] of byStream(page.events)) {
      await emmett.appendToStream(
        stream,
        events.map(({ type, data, tenant, time, actor, meta }) => ({
          type,
          data,
          metadata: { tenant, time, actor, ...meta },
        })),
        { expectedStreamVersion: BigInt((events[0]?.version ?? 1) - 1) },
      );
    }
    if (page.events.length === 0) break;
    ({ cursor } = page);
  }
  await Promise.all([store.close(), emmett.close()]);
}

function byStream(events: readonly RecordedEvent[]): Map<string, RecordedEvent[]> {
  const streams = new Map<string, RecordedEvent[]>();
  for (const event of events) streams.set(event.stream, [...(streams.get(event.stream) ?? []), event]);
  return streams;
}

async function main(args: readonly string[]): Promise<void> {
  const cases = numberArgument(args, 'cases', 4_000);
  await onBenchDatabase([{ name: 'case', migrations: [] }], async (database) => {
    process.stderr.write('writing the events\n');
    const written = await fillLedger(database.url, cases);
    await database.copyLedgerToTwin();
    await copyToEmmett(database);
    await database.settle();
    const store = createPostgresEventStore({ connection: { connectionString: database.url, idleTimeoutMillis: 0 } });
    const [raw, emmett] = [database.url, database.emmettUrl].map(
      (connectionString) => new Client({ connectionString }),
    );
    await Promise.all([raw?.connect(), emmett?.connect()]);
    if (!raw || !emmett) throw new Error('there is no connection');
    const perSecond = async (read: Promise<number>): Promise<number> => {
      const start = performance.now();
      const events = await read;
      if (events !== written) throw new Error(`${events} of ${written} events were read`);
      return (events * 1000) / (performance.now() - start);
    };
    const competitors = [
      { name: 'ours', run: () => perSecond(readOurs(store)) },
      { name: 'raw-pg', run: () => perSecond(readRaw(raw)) },
      { name: 'emmett', run: () => perSecond(readEmmett(emmett)) },
    ];
    for (const { run } of competitors) await run();
    const measured = await inRounds('replay', ROUNDS, competitors);
    const value = (name: string) => median(measured.get(name) ?? []);
    await Promise.all([raw.end(), emmett.end(), store.close()]);
    const others = { 'raw-pg': value('raw-pg'), emmett: value('emmett') };
    const replay = benchResult('replay', 'events/s', value('ours'), others);
    const longStream = await measureLongStream(database, numberArgument(args, 'stream', 10_000));
    printReport('replay', [replay, ...longStream], args);
  });
}

runBench(main);
