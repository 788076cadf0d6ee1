import { Client } from 'pg';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { allVisible, anEvent, aStream, chainFaults, eventsOf, toStream } from './event-fixture';
import { headOf } from './execute';
import { MIGRATION_STEPS, migrateLedger } from './migrations';
import { type EventStore, NO_STREAM, type RecordedEvent } from './port';
import { createPostgresEventStore } from './postgres-event-store';
import { streamText } from './stream-statements';

async function asOwner<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The shelf that new streams go to, as if it were that month. */
const setMonth = (url: string, month: number) =>
  asOwner(url, (client) =>
    client.query(`create or replace function ledger.shelf_now() returns integer
                    language sql stable parallel safe as 'select ${month}'`),
  );

describe('streams on shelves', () => {
  const postgres = usePostgres(EMPTY_DATABASE);
  let store: EventStore;
  let shelves: number[];

  beforeAll(async () => {
    await asOwner(postgres.ownerUrl, (client) => migrateLedger(client));
    store = createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case') } });
    const { rows } = await postgres
      .ownerPool()
      .query<{ shelf: number }>(`select shelf from ledger.shelves where category = 'alert' order by shelf`);
    shelves = rows.map(({ shelf }) => shelf);
  });
  afterAll(() => store.close());

  const shelvesOf = async (stream: string): Promise<number[]> => {
    const { rows } = await postgres
      .ownerPool()
      .query<{ shelf: number }>(`select shelf from ledger.events where stream = $1 order by version`, [stream]);
    return rows.map(({ shelf }) => shelf);
  };
  const month = (index: number): number => shelves[index] ?? 0;
  const alert = (stream: string, count: number, history: readonly RecordedEvent[] = []) =>
    toStream(
      stream,
      Array.from({ length: count }, () => anEvent()),
      { category: 'alert', expected: headOf(history) },
    );

  it('keeps a stream whole on the shelf of the month in which it was born', async () => {
    const stream = aStream('alert');
    await setMonth(postgres.ownerUrl, month(0));
    const first = eventsOf(await store.append([alert(stream, 2)]));
    await setMonth(postgres.ownerUrl, month(1));
    const later = eventsOf(await store.append([alert(stream, 1, first)]));
    expect(later).toMatchObject([{ version: 3 }]);
    expect(await shelvesOf(stream)).toEqual([month(0), month(0), month(0)]);
    const news = aStream('alert');
    await store.append([alert(news, 1)]);
    expect(await shelvesOf(news)).toEqual([month(1)]);
    expect((await store.heads('alert', [stream, news])).get(stream)).toEqual(headOf(later));
  });

  it('goes back with the clock, and stays on the last shelf when there is none for a later month', async () => {
    for (const [now, shelf] of [
      [190001, month(0)],
      [999912, month(3)],
      [month(0), month(0)],
    ] as const) {
      await setMonth(postgres.ownerUrl, now);
      const stream = aStream('alert');
      await store.append([alert(stream, 1)]);
      expect(await shelvesOf(stream)).toEqual([shelf]);
    }
  });

  it('gives a stream that is begun in two months at once to one of them', async () => {
    const stores = [0, 1, 2, 3].map(() =>
      createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case') } }),
    );
    for (let round = 0; round < 15; round += 1) {
      const stream = aStream('alert');
      const filler = () => Array.from({ length: 20 }, () => [alert(aStream('alert'), 1)]);
      const appends = stores.map(async (each, index) => {
        if (index === 1) await setMonth(postgres.ownerUrl, month(round % 2));
        const results = await each.appendMany([...filler(), [alert(stream, 2)], ...filler()]);
        expect(results.filter(({ status }) => status === 'appended').length).toBeGreaterThanOrEqual(40);
        return results[20]?.status;
      });
      expect((await Promise.all(appends)).sort()).toEqual(['appended', 'conflict', 'conflict', 'conflict']);
      const events = await store.readStream('alert', stream);
      expect(events).toHaveLength(2);
      expect(chainFaults(events)).toEqual([]);
      expect(new Set(await shelvesOf(stream)).size).toBe(1);
    }
    await Promise.all(stores.map((each) => each.close()));
  });

  it('does not half-register what is not written', async () => {
    const [taken, bare] = [aStream('alert'), aStream('alert')];
    await store.append([alert(taken, 1)]);
    expect(await store.append([alert(bare, 1), alert(taken, 1)])).toMatchObject({ status: 'conflict' });
    const { rowCount } = await postgres.ownerPool().query('select from ledger.streams where stream = $1', [bare]);
    expect(rowCount).toBe(0);
    expect(await store.append([alert(bare, 1)])).toMatchObject({ status: 'appended' });
  });

  it('looks at one shelf alone for a stream', async () => {
    const stream = aStream('alert');
    await store.append([alert(stream, 1)]);
    const plan = await asOwner(postgres.ownerUrl, async (client) => {
      await client.query('set plan_cache_mode = force_generic_plan');
      await client.query(`prepare one as ${streamText('alert')}`);
      const { rows } = await client.query(`explain (analyze, costs off) execute one ('${stream}', 1, 10, null)`);
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    // Those that are pruned at run time are shown, and never executed.
    expect(plan.match(/on events_alert_\d+ [^\n]*actual/g)).toHaveLength(1);
  });
});

describe('a ledger of release 0.1.0 that is migrated', () => {
  const postgres = usePostgres(EMPTY_DATABASE);
  const CATEGORIES_THEN = ['case', 'alert', 'correlation', 'run', 'action', 'audit'];

  it('keeps every event, hash, cursor and head, and goes on', async () => {
    await asOwner(postgres.ownerUrl, asIn010);
    const before = await asOwner(postgres.ownerUrl, dump);
    const migrated = await asOwner(postgres.ownerUrl, (client) => migrateLedger(client));
    expect(migrated.applied).toEqual(['0003-shelves', '0004-archives', '0005-storage']);
    expect(await asOwner(postgres.ownerUrl, dump)).toEqual(before);
    expect(before).toHaveLength(6 * 3 * 4);

    const store = createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case') } });
    for (const category of ['case', 'alert'] as const) {
      const stream = `${category}-0`;
      const history = await store.readStream(category, stream);
      expect(history.map(({ version }) => version)).toEqual([1, 2, 3]);
      const again = toStream(stream, [anEvent()], { category, expected: NO_STREAM });
      expect(await store.append([again])).toMatchObject({ status: 'conflict', actual: 3 });
      const next = toStream(stream, [anEvent()], { category, expected: headOf(history) });
      expect(await store.append([next])).toMatchObject({ status: 'appended', events: [{ version: 4 }] });
      const known = toStream(aStream(category), [anEvent({ id: history[0]?.id })], { category });
      await store.append([toStream(aStream(category), [anEvent()], { category })]);
      if (category === 'case') await expect(store.append([known])).rejects.toMatchObject({ code: 'event_id_taken' });
    }
    await allVisible(store);
    const { events } = await store.readAfter(undefined, { limit: 1000 });
    expect(events.slice(0, before.length).map(({ tx, position }) => `${tx}.${position}`)).toEqual(
      before.map(({ tx, position }) => `${tx}.${position}`),
    );
    const { rows } = await postgres
      .ownerPool()
      .query(`select distinct shelf from ledger.events where stream = 'alert-0'`);
    expect(rows).toEqual([{ shelf: 0 }]);
    const unlike = await postgres.ownerPool().query(
      `select t.relid::regclass as table from pg_partition_tree('ledger.events') t join pg_class c on c.oid = t.relid
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'data'
        where c.relkind = 'r' and (a.attstorage <> 'e' or c.reloptions is distinct from '{toast_tuple_target=8160}')`,
    );
    expect(unlike.rows).toEqual([]);
    await store.close();
  });

  /** The schema as the first two steps and the access of that release left it, and some events in it. */
  async function asIn010(client: Client): Promise<void> {
    await client.query(`create schema ledger;
      create table ledger.migration (name text primary key, applied_at timestamptz not null default now())`);
    for (const { name, sql } of MIGRATION_STEPS.slice(0, 2)) {
      await client.query(sql);
      await client.query('insert into ledger.migration (name) values ($1)', [name]);
    }
    for (const category of CATEGORIES_THEN) {
      await client.query(`
        create table ledger.events_${category} partition of ledger.events for values in ('${category}');
        alter table ledger.events_${category} enable row level security;
        create policy read on ledger.events_${category} for select using (true);
        create trigger append_only before update or delete or truncate on ledger.events_${category}
          for each statement execute function ledger.refuse_change();
        insert into ledger.events (category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash)
          select '${category}', '${category}-' || stream, version, gen_random_uuid(), 'T', 1, 'default',
                 '2026-01-01'::timestamptz + make_interval(mins => version), '{}', jsonb_build_object('n', version), '{}',
                 sha256(convert_to(stream || ' ' || version, 'UTF8'))
            from generate_series(1, 3) as version, generate_series(0, 3) as stream`);
    }
  }

  async function dump(client: Client): Promise<Record<string, string>[]> {
    const { rows } = await client.query<{ event: Record<string, string> }>(
      `select (to_jsonb(e) - 'shelf') || jsonb_build_object('tx', tx::text, 'position', position::text) as event
         from ledger.events e order by tx, position`,
    );
    return rows.map(({ event }) => event);
  }
});
