import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { type EventStore, type NewEvent, NO_STREAM, type StreamHead } from '../../libs/event-store';
import { newId } from '../../libs/kernel';
import type { EmmettStore } from './emmett';

export const WRITERS = 8;
const BATCH = 500;
/** Appends that a stream gets before a writer begins another one. */
const STREAM_LENGTH = 8;

/** What one writer does in one go; the number of events that it has written. */
export type Write = () => Promise<number>;

/** Eight writers of single events, and eight of batches of 500 events. */
export interface Side {
  readonly single: readonly Write[];
  readonly batched: readonly Write[];
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

/** Of case and of alert, where there are shelves; both are the case service's. */
export type BenchCategory = 'case' | 'alert';

/** A stream that a writer goes on with, on the head that its last append has left. */
class Streams {
  private name: string;
  private head: StreamHead = NO_STREAM;
  private appends = 0;

  constructor(private readonly category: BenchCategory) {
    this.name = `${category}-${newId()}`;
  }

  next(events = 1) {
    if (this.appends >= STREAM_LENGTH) {
      this.name = `${this.category}-${newId()}`;
      this.head = NO_STREAM;
      this.appends = 0;
    }
    this.appends += 1;
    return {
      category: this.category,
      stream: this.name,
      tenant: 'default',
      expected: this.head,
      events: Array.from({ length: events }, noteAdded),
    } as const;
  }

  moveTo(head: StreamHead): void {
    this.head = { version: head.version, hash: head.hash };
  }
}

const writers = (write: (index: number) => Write): Write[] =>
  Array.from({ length: WRITERS }, (_, index) => write(index));
const manyStreams = (category: BenchCategory): Streams[] => Array.from({ length: BATCH }, () => new Streams(category));

/** Batches are of 500 groups on 500 streams. */
export function ours(store: EventStore, category: BenchCategory): Side {
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
    single: writers(() => write([new Streams(category)])),
    batched: writers(() => write(manyStreams(category))),
  };
}

const COLUMNS = 'category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash, shelf';
const INSERT = {
  name: 'raw insert',
  text: `insert into raw.events (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
};
const INSERT_MANY = {
  name: 'raw insert many',
  text: `insert into raw.events (${COLUMNS})
         select * from unnest($1::text[], $2::text[], $3::int[], $4::uuid[], $5::text[], $6::int[], $7::text[],
                              $8::timestamptz[], $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::bytea[], $13::int[])`,
};

/** The same rows into an identical table with identical indexes, without hashing, checking heads, or row security. */
export function rawPg(clients: readonly Client[], category: BenchCategory, shelf: number): Side {
  const rowOf = (streams: Streams): unknown[] => {
    const { stream, tenant, expected, events } = streams.next();
    const [event = noteAdded()] = events;
    const hash = randomBytes(32);
    streams.moveTo({ version: expected.version + 1, hash: 'unused' });
    const { id, type, schemaVersion, time } = event;
    const documents = [event.actor, event.data, event.meta].map((value) => JSON.stringify(value));
    return [category, stream, expected.version + 1, id, type, schemaVersion, tenant, time, ...documents, hash, shelf];
  };
  return {
    single: clients.map((client) => {
      const streams = new Streams(category);
      return async () => {
        await client.query({ ...INSERT, values: rowOf(streams) });
        return 1;
      };
    }),
    batched: clients.map((client) => {
      const streams = manyStreams(category);
      return async () => {
        const rows = streams.map(rowOf);
        const columns = Array.from({ length: 13 }, (_, column) => rows.map((row) => row[column]));
        await client.query({ ...INSERT_MANY, values: columns });
        return rows.length;
      };
    }),
  };
}

/**
 * Emmett checks the version it is given, as we do. It appends to one stream at a time: its batches are of 500 events on
 * one stream, which is faster than 500 appends.
 */
export function emmett(store: EmmettStore): Side {
  const write = (size: number): Write => {
    const streams = new Streams('case');
    return async () => {
      const { stream, tenant, expected, events } = streams.next(size);
      const { nextExpectedStreamVersion } = await store.appendToStream(
        stream,
        events.map(({ type, data, time, actor, meta }) => ({ type, data, metadata: { tenant, time, actor, ...meta } })),
        { expectedStreamVersion: BigInt(expected.version) },
      );
      streams.moveTo({ version: Number(nextExpectedStreamVersion), hash: 'unused' });
      return size;
    };
  };
  return { single: writers(() => write(1)), batched: writers(() => write(BATCH)) };
}
