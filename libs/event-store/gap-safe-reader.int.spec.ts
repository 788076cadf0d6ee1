import fc from 'fast-check';
import { Client } from 'pg';
import { CATEGORIES } from '#contracts/envelope';
import { newId } from '#libs/kernel';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { allVisible, anEvent, aStream, endOf, toStream } from './event-fixture';
import { readStatement } from './gap-safe-reader';
import { migrateLedger } from './migrations';
import type { EventStore, RecordedEvent } from './port';
import { createPostgresEventStore } from './postgres-event-store';

const postgres = usePostgres(EMPTY_DATABASE);

const INSERT = `insert into ledger.events
  (category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash)
  values ('case', $1, 1, $2, 'T', 1, 'default', now(), '{}', '{}', '{}', sha256(''))`;

describe('reading while transactions are open', () => {
  let store: EventStore;
  let other: Client;

  beforeAll(async () => {
    const owner = new Client({ connectionString: postgres.ownerUrl });
    await owner.connect();
    await migrateLedger(owner);
    await owner.end();
    store = createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case') } });
    other = new Client({ connectionString: postgres.urlFor('case') });
    await other.connect();
  });
  afterAll(async () => {
    await other.end();
    await store.close();
  });

  const streamsAfter = async (cursor: string | undefined) =>
    (await store.readAfter(cursor, { limit: 10 })).events.map(({ stream }) => stream);
  const append = async () => {
    const stream = aStream();
    await store.append([toStream(stream, [anEvent()])]);
    return stream;
  };

  it('shows nothing that an open transaction can still precede, and then everything in order', async () => {
    const before = await endOf(store);
    await other.query('begin');
    await other.query(INSERT, ['held', newId()]);
    const later = await append();

    expect(await streamsAfter(before)).toEqual([]);
    expect(await store.visibilityLag()).toMatchObject({ events: 1 });
    await other.query('commit');
    await allVisible(store);
    expect(await streamsAfter(before)).toEqual(['held', later]);
    expect(await store.visibilityLag()).toEqual({ events: 0, milliseconds: 0 });
  });

  it('waits for a transaction that took its id early and appends late', async () => {
    const before = await endOf(store);
    await other.query('begin');
    await other.query('select pg_current_xact_id()');
    const first = await append();
    expect(await streamsAfter(before)).toEqual([]);
    // Its position is the higher one, its transaction the lower one.
    await other.query(INSERT, ['late', newId()]);
    await other.query('commit');
    await allVisible(store);
    expect(await streamsAfter(before)).toEqual(['late', first]);
  });

  it('goes on past a transaction that was rolled back', async () => {
    const before = await endOf(store);
    await other.query('begin');
    await other.query(INSERT, ['never', newId()]);
    const later = await append();
    await other.query('rollback');
    await allVisible(store);
    expect(await streamsAfter(before)).toEqual([later]);
  });

  it('waits for a transaction in another database of the same server, and shows how far it is behind', async () => {
    const before = await endOf(store);
    const stranger = new Client({ connectionString: postgres.superuserUrl.replace(/\/[^/]*$/, '/postgres') });
    await stranger.connect();
    await stranger.query('begin; select pg_current_xact_id()');
    const [first, second] = [await append(), await append()];
    expect(await streamsAfter(before)).toEqual([]);
    const lag = await store.visibilityLag();
    expect(lag.events).toBe(2);
    expect(lag.milliseconds).toBeGreaterThan(0);
    await stranger.query('rollback');
    await stranger.end();
    await allVisible(store);
    expect(await streamsAfter(before)).toEqual([first, second]);
  });

  it('shows each committed event once and in order, however transactions interleave', async () => {
    const clients = [0, 1, 2, 3].map(() => new Client({ connectionString: postgres.urlFor('case') }));
    await Promise.all(clients.map((client) => client.connect()));
    const step = fc.record({
      client: fc.nat(clients.length - 1),
      does: fc.constantFrom('take an id', 'insert', 'insert', 'commit', 'rollback', 'read'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        let cursor = await endOf(store);
        const seen: RecordedEvent[] = [];
        const read = async (limit: number) => {
          const page = await store.readAfter(cursor, { limit });
          cursor = page.cursor;
          seen.push(...page.events);
          return page.events.length;
        };
        const committed = new Set<string>();
        const open = new Map<Client, string[]>();
        const end = async (client: Client, how: 'commit' | 'rollback') => {
          const inserted = open.get(client);
          if (!inserted) return;
          await client.query(how);
          open.delete(client);
          if (how === 'commit') for (const id of inserted) committed.add(id);
        };
        for (const { client: number, does } of steps) {
          const client = clients[number];
          if (!client) continue;
          if (does === 'read') await read(2);
          else if (does === 'commit' || does === 'rollback') await end(client, does);
          else {
            if (!open.has(client)) {
              await client.query('begin');
              open.set(client, []);
            }
            if (does === 'take an id') await client.query('select pg_current_xact_id()');
            else {
              const id = newId();
              await client.query(INSERT, [aStream(), id]);
              open.get(client)?.push(id);
            }
          }
        }
        for (const client of clients) await end(client, 'commit');
        await allVisible(store);
        while ((await read(3)) > 0);
        expect(seen.map(({ id }) => id).toSorted()).toEqual([...committed].toSorted());
        const places = seen.map(({ tx, position }) => [BigInt(tx), BigInt(position)] as const);
        for (const [index, [tx, position]] of places.entries()) {
          const [earlierTx, earlierPosition] = places[index - 1] ?? [-1n, -1n];
          expect(tx > earlierTx || (tx === earlierTx && position > earlierPosition)).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
    await Promise.all(clients.map((client) => client.end()));
  });

  it('misses nothing and repeats nothing while writers append', async () => {
    let cursor = await endOf(store);
    const seen: string[] = [];
    const wanted = 150;
    const read = async () => {
      while (seen.length < wanted) {
        const page = await store.readAfter(cursor, { limit: 7, categories: ['alert', 'case', 'correlation'] });
        seen.push(...page.events.map(({ id }) => id));
        cursor = page.cursor;
      }
    };
    const written: string[] = [];
    const write = async (category: 'alert' | 'case' | 'correlation') => {
      for (let count = 0; count < wanted / 3; count += 1) {
        const event = anEvent();
        await store.append([toStream(aStream(category), [event], { category })]);
        written.push(event.id);
      }
    };
    await Promise.all([read(), write('alert'), write('case'), write('correlation')]);
    expect([...seen].sort()).toEqual([...written].sort());
  });

  it('merges index scans, whatever the number of categories, and sorts nothing', async () => {
    await other.query('set plan_cache_mode = force_generic_plan');
    await other.query(`prepare reading as ${readStatement([...CATEGORIES], true)}`);
    const { rows } = await other.query(`explain (costs off) execute reading ('1', '1', 100, 'default')`);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('Merge Append');
    const { rows: leaves } = await other.query(`select from pg_partition_tree('ledger.events') where isleaf`);
    expect(plan.match(/Index Scan using events_\w+_category_tx_position_idx/g)).toHaveLength(leaves.length);
    expect(plan).not.toMatch(/^\s*(->)?\s*Sort$|Seq Scan on (?!archives)/m);
  });
});
