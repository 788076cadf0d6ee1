import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import {
  createPostgresEventStore,
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type StreamHead,
} from '#libs/event-store';
import { newId } from '#libs/kernel';
import { appendDatabase } from './append-database';
import { benchResult, median, printReport, quantile } from './report';

/**
 * The event store against raw pg, which inserts the same rows into an identical table with identical indexes, without
 * hashing, checking heads, or row security. Eight writers; single events, and batches of 500 events on 500 streams.
 * Rounds of both sides alternate in one run, and medians of the rounds are reported.
 */
const WRITERS = 8;
const BATCH = 500;
/** Events that a stream gets before a writer begins another one. */
const STREAM_LENGTH = 8;
const seconds = (args: readonly string[], fallback: number): number =>
  Number(args.find((arg) => arg.startsWith('--seconds='))?.split('=')[1] ?? fallback);

/** What one writer does in one go; the number of events that it has written. */
type Write = () => Promise<number>;
interface Side {
  readonly single: readonly Write[];
  readonly batched: readonly Write[];
}
interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const DETAILS = {
  caseId: newId(),
  noteId: newId(),
  text: 'Beacon to 203.0.113.7 every 60 s from "WS-0142"; user CORP\\alice was logged in.',
  observables: Array.from({ length: 6 }, (_, index) => ({
    type: 'ip',
    value: `203.0.113.${index}`,
    verdict: 'unknown',
  })),
};

function noteAdded(): NewEvent {
  return {
    id: newId(),
    type: 'CaseNoteAdded',
    schemaVersion: 1,
    time: new Date().toISOString(),
    actor: { kind: 'human', id: 'alice' },
    data: { ...DETAILS },
    meta: { correlationId: DETAILS.caseId, causationId: newId() },
  };
}

/** A stream that a writer goes on with, on the head that its last append has left. */
class Streams {
  private name = `case-${newId()}`;
  private head: StreamHead = NO_STREAM;

  next() {
    if (this.head.version >= STREAM_LENGTH) {
      this.name = `case-${newId()}`;
      this.head = NO_STREAM;
    }
    return {
      category: 'case',
      stream: this.name,
      tenant: 'default',
      expected: this.head,
      events: [noteAdded()],
    } as const;
  }

  moveTo(head: StreamHead): void {
    this.head = { version: head.version, hash: head.hash };
  }
}

function ours(store: EventStore): Side {
  const write =
    (streams: readonly Streams[]): Write =>
    async () => {
      const groups = streams.map((stream) => [stream.next()]);
      const [only] = groups;
      const results = only && groups.length === 1 ? [await store.append(only)] : await store.appendMany(groups);
      results.forEach((result, index) => {
        const last = result.status === 'appended' ? result.events.at(-1) : undefined;
        if (!last) throw new Error(`an append of the bench was not written: ${result.status}`);
        streams[index]?.moveTo(last);
      });
      return groups.length;
    };
  return {
    single: Array.from({ length: WRITERS }, () => write([new Streams()])),
    batched: Array.from({ length: WRITERS }, () => write(Array.from({ length: BATCH }, () => new Streams()))),
  };
}

const COLUMNS = 'category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash';
const INSERT = {
  name: 'raw insert',
  text: `insert into raw.events (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
};
const INSERT_MANY = {
  name: 'raw insert many',
  text: `insert into raw.events (${COLUMNS})
         select * from unnest($1::text[], $2::text[], $3::int[], $4::uuid[], $5::text[], $6::int[], $7::text[],
                              $8::timestamptz[], $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::bytea[])`,
};

function rawPg(clients: readonly Client[]): Side {
  const rowOf = (streams: Streams): unknown[] => {
    const { category, stream, tenant, expected, events } = streams.next();
    const [event] = events;
    const hash = randomBytes(32);
    streams.moveTo({ version: expected.version + 1, hash: 'unused' });
    const { id, type, schemaVersion, time } = event;
    const documents = [event.actor, event.data, event.meta].map((value) => JSON.stringify(value));
    return [category, stream, expected.version + 1, id, type, schemaVersion, tenant, time, ...documents, hash];
  };
  return {
    single: clients.map((client) => {
      const streams = new Streams();
      return async () => {
        await client.query({ ...INSERT, values: rowOf(streams) });
        return 1;
      };
    }),
    batched: clients.map((client) => {
      const streams = Array.from({ length: BATCH }, () => new Streams());
      return async () => {
        const rows = streams.map(rowOf);
        const columns = Array.from({ length: 12 }, (_, column) => rows.map((row) => row[column]));
        await client.query({ ...INSERT_MANY, values: columns });
        return rows.length;
      };
    }),
  };
}

async function measure(writers: readonly Write[], durationMs: number): Promise<Measured> {
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
  const durationMs = seconds(args, 2) * 1000;
  const rounds = 5;
  const database = await appendDatabase();
  try {
    const store = createPostgresEventStore({ connection: { connectionString: database.url, max: WRITERS } });
    const clients = Array.from({ length: WRITERS }, () => new Client({ connectionString: database.url }));
    await Promise.all(clients.map((client) => client.connect()));
    const sides = [
      ['ours', ours(store)],
      ['raw-pg', rawPg(clients)],
    ] as const;
    for (const [, side] of sides) {
      await measure(side.single, durationMs / 2);
      await measure(side.batched, durationMs / 2);
    }

    const results = [];
    for (const name of ['single', 'batched'] as const) {
      const measured = { ours: [] as Measured[], 'raw-pg': [] as Measured[] };
      for (let round = 0; round < rounds; round += 1) {
        for (const [side, { [name]: writers }] of round % 2 === 0 ? sides : [...sides].reverse()) {
          await database.settle();
          measured[side].push(await measure(writers, durationMs));
        }
        process.stderr.write(`${name}: round ${round + 1} of ${rounds}\n`);
      }
      const value = (side: keyof typeof measured, key: keyof Measured) =>
        median(measured[side].map((each) => each[key]));
      const compare = (label: string, unit: string, key: keyof Measured, better: 'higher' | 'lower') =>
        benchResult(label, unit, value('ours', key), { 'raw-pg': value('raw-pg', key) }, better);
      results.push(compare(name, 'events/s', 'perSecond', 'higher'));
      results.push(compare(`${name} p50`, 'ms', 'p50', 'lower'), compare(`${name} p99`, 'ms', 'p99', 'lower'));
    }
    await Promise.all(clients.map((client) => client.end()));
    await store.close();
    printReport('append', results, args);
  } finally {
    await database.stop();
  }
}

void main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
