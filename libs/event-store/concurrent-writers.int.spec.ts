import fc from 'fast-check';
import { Client } from 'pg';
import { newId } from '#libs/kernel';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { allVisible, anEvent, aStream, chainFaults, endOf, eventsOf, toStream } from './event-fixture';
import { headOf } from './execute';
import { migrateLedger } from './migrations';
import { type AppendGroup, type EventStore, NO_STREAM, type RecordedEvent } from './port';
import { createPostgresEventStore } from './postgres-event-store';

const postgres = usePostgres(EMPTY_DATABASE);

describe('writers side by side', () => {
  const stores: EventStore[] = [];

  beforeAll(async () => {
    const owner = new Client({ connectionString: postgres.ownerUrl });
    await owner.connect();
    await migrateLedger(owner);
    await owner.end();
    for (let count = 0; count < 3; count += 1) {
      stores.push(createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case'), max: 4 } }));
    }
  });
  afterAll(() => Promise.all(stores.map((store) => store.close())));

  const at = (index: number): EventStore => {
    const store = stores[index % stores.length];
    if (!store) throw new Error('no store');
    return store;
  };

  it('gives a stream to one of those who begin it at once, and conflict to the others', async () => {
    for (let round = 0; round < 20; round += 1) {
      const stream = aStream();
      const results = await Promise.all(
        [0, 1, 2, 3, 4, 5].map((index) => at(index).append([toStream(stream, [anEvent(), anEvent()])])),
      );
      expect(results.map(({ status }) => status).sort()).toEqual(['appended', ...Array(5).fill('conflict')]);
      expect(await at(0).readStream('case', stream)).toHaveLength(2);
    }
  });

  it('loses no group of a batch because another one of it lost a race', async () => {
    for (let round = 0; round < 10; round += 1) {
      const hot = aStream();
      const batches = stores.map(() => {
        const own = Array.from({ length: 40 }, (): AppendGroup => [toStream(aStream(), [anEvent()])]);
        return [...own.slice(0, 20), [toStream(hot, [anEvent(), anEvent()])], ...own.slice(20)];
      });
      const results = await Promise.all(batches.map((batch, index) => at(index).appendMany(batch)));
      const statuses = results.flatMap((list) => list.map(({ status }) => status));
      expect(statuses.filter((status) => status === 'conflict')).toHaveLength(stores.length - 1);
      expect(statuses.filter((status) => status === 'appended')).toHaveLength(40 * stores.length + 1);
      expect(await at(0).readStream('case', hot)).toHaveLength(2);
    }
  });

  it('does not deadlock when batches name the same streams in different orders', async () => {
    const streams = Array.from({ length: 60 }, () => aStream());
    const results = await Promise.all(
      stores.map((store, index) => {
        const order = index % 2 === 0 ? streams : [...streams].reverse();
        return store.appendMany(order.map((stream) => [toStream(stream, [anEvent()])]));
      }),
    );
    expect(results.flat().filter(({ status }) => status === 'appended')).toHaveLength(streams.length);
    expect(results.flat().every(({ status }) => status === 'appended' || status === 'conflict')).toBe(true);
  });

  it('waits for a writer that has not committed yet, and takes its outcome', async () => {
    const rival = new Client({ connectionString: postgres.urlFor('case') });
    await rival.connect();
    for (const end of ['commit', 'rollback'] as const) {
      const stream = aStream();
      await rival.query('begin');
      await rival.query(
        `insert into ledger.events (category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash)
         values ('case', $1, 1, $2, 'T', 1, 'default', now(), '{}', '{}', '{}', sha256(''))`,
        [stream, newId()],
      );
      const append = at(0).append([toStream(stream, [anEvent()])]);
      const waiting = `select exists (select from pg_stat_activity where datname = current_database()
                                       and wait_event_type = 'Lock') as yes`;
      while (!(await rival.query<{ yes: boolean }>(waiting)).rows[0]?.yes);
      await rival.query(end);
      expect((await append).status).toBe(end === 'commit' ? 'conflict' : 'appended');
    }
    await rival.end();
  });

  it('gives the same message, delivered to two consumers at once, one answer', async () => {
    for (let round = 0; round < 20; round += 1) {
      const group = [toStream(aStream(), [anEvent(), anEvent()])];
      const results = await Promise.all([0, 1, 2].map((index) => at(index).append(group)));
      expect(results.map(({ status }) => status).sort()).toEqual(['appended', 'duplicate', 'duplicate']);
      const [first] = results.map(eventsOf);
      for (const result of results) expect(eventsOf(result)).toMatchObject(first ?? []);
    }
  });

  it('keeps versions dense, chains whole and answers true, however writers interleave', async () => {
    const step = fc.record({
      streams: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 2 }),
      events: fc.integer({ min: 1, max: 3 }),
      /** Decides on what the writer saw before its last append, not on what stands there. */
      stale: fc.boolean(),
      batch: fc.boolean(),
    });
    const scenario = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(scenario, async (writers) => {
        const names = [0, 1, 2, 3].map(() => aStream());
        const answered: RecordedEvent[] = [];
        const before = await endOf(at(0));
        const write = async (steps: (typeof writers)[number], index: number): Promise<void> => {
          const store = at(index);
          const seen = new Map<string, RecordedEvent[]>();
          for (const { streams, events, stale, batch } of steps) {
            const group: AppendGroup = await Promise.all(
              streams.map(async (number) => {
                const stream = names[number] ?? '';
                const history = (stale && seen.get(stream)) || (await store.readStream('case', stream));
                seen.set(stream, history);
                const expected = history.length > 0 ? headOf(history) : NO_STREAM;
                return toStream(
                  stream,
                  Array.from({ length: events }, () => anEvent()),
                  { expected },
                );
              }),
            );
            const [result] = batch ? await store.appendMany([group, group]) : [await store.append(group)];
            if (result?.status === 'appended') answered.push(...result.events);
            else expect(result?.status).toBe('conflict');
          }
        };
        await Promise.all(writers.map(write));

        const ledger = await at(0).readStreams('case', names);
        const stored = [...ledger.values()].flat();
        for (const events of ledger.values()) expect(chainFaults(events)).toEqual([]);
        const ids = (events: readonly RecordedEvent[]) =>
          events.map(({ id, hash, position }) => `${id} ${hash} ${position}`).sort();
        expect(ids(answered)).toEqual(ids(stored));
        await allVisible(at(1));
        const read = await at(1).readAfter(before, { limit: 1000, categories: ['case'] });
        expect(ids(read.events)).toEqual(ids(stored));
        for (const [stream, events] of ledger) {
          expect(read.events.filter((event) => event.stream === stream)).toEqual(events);
        }
      }),
      { numRuns: 30 },
    );
  });
});
