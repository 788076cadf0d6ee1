import { Client } from 'pg';
import { CATEGORIES, type Category, CATEGORY_OWNERS, SERVICES, SHELVED_CATEGORIES } from '#contracts/envelope';
import { newId } from '#libs/kernel';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { allVisible, anEvent, aStream, toStream } from './event-fixture';
import { adoptLedger, migrateLedger } from './migrations';
import type { EventStore } from './port';
import { createPostgresEventStore } from './postgres-event-store';

const postgres = usePostgres(EMPTY_DATABASE);

async function asOwner<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: postgres.ownerUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const COLUMNS = 'category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash';

/** The tables that a row of the category can be written through, and the shelf that it then lies on. */
async function tablesOf(category: Category): Promise<{ tables: string[]; chosen: Record<string, string> }> {
  const { rows } = await postgres
    .ownerPool()
    .query<{ shelf: number }>('select shelf from ledger.shelves where category = $1 order by shelf limit 1', [
      category,
    ]);
  const [first] = rows;
  const tables = ['ledger.events', `ledger.events_${category}`];
  if (!first) return { tables, chosen: {} };
  return { tables: [...tables, `ledger.events_${category}_${first.shelf}`], chosen: { shelf: String(first.shelf) } };
}

/** One event, and values for the columns that a writer may not choose. */
function insertInto(table: string, category: Category, chosen: Readonly<Record<string, string>> = {}): string {
  const columns = [COLUMNS, ...Object.keys(chosen)].join(', ');
  const event = `'${category}', 's-${newId()}', 1, '${newId()}', 'T', 1, 'default', now(), '{}', '{}', '{}', sha256('')`;
  return `insert into ${table} (${columns}) overriding system value values (${[event, ...Object.values(chosen)].join(', ')})`;
}

describe('what the roles may do in the ledger (invariant 2)', () => {
  beforeAll(async () => {
    const applied = await Promise.all([1, 2, 3].map(() => asOwner((client) => migrateLedger(client))));
    expect(applied.flatMap((result) => result.applied)).toEqual([
      '0001-events',
      '0002-server',
      '0003-shelves',
      '0004-archives',
      '0005-storage',
    ]);
  });

  it.each(SERVICES)(
    '%s appends to its own categories only, through the table and through the partitions',
    async (service) => {
      const pool = postgres.pool(service);
      for (const category of CATEGORIES) {
        const { tables, chosen } = await tablesOf(category);
        for (const table of tables) {
          const insert = pool.query(insertInto(table, category, chosen));
          if (CATEGORY_OWNERS[category] === service) await expect(insert).resolves.toMatchObject({ rowCount: 1 });
          else await expect(insert).rejects.toMatchObject({ code: '42501' });
        }
      }
      await expect(pool.query('select from ledger.events')).resolves.toBeDefined();
    },
  );

  it('lets nobody choose tx or position', async () => {
    for (const column of ['tx', 'position']) {
      const insert = insertInto('ledger.events_case', 'case', { [column]: `'1'` });
      await expect(postgres.pool('case').query(insert)).rejects.toMatchObject({ code: '42501' });
    }
  });

  const changes = [
    `update ledger.events set data = '{}'`,
    `update ledger.events_case set data = '{}'`,
    'delete from ledger.events',
    'delete from ledger.events_case',
    'truncate ledger.events',
    'truncate ledger.events_case',
    'update ledger.events_alert set shelf = 0',
    'delete from ledger.events_alert',
    'truncate ledger.events_alert',
    'delete from ledger.streams',
    'truncate ledger.streams',
    `update ledger.archives set file = ''`,
    'delete from ledger.archived_ids',
    `${insertInto('ledger.events_case', 'case')} on conflict (category, id) do update set data = '{}'`,
  ];

  it.each(changes)('refuses a service, and the owner too: %s', async (change) => {
    await expect(postgres.pool('case').query(change)).rejects.toMatchObject({ code: '42501' });
    await expect(postgres.ownerPool().query(change)).rejects.toThrow(/append-only/);
  });

  it.each(SERVICES)('%s registers streams of its own categories only, and never moves one', async (service) => {
    const pool = postgres.pool(service);
    for (const category of SHELVED_CATEGORIES) {
      const insert = pool.query(
        `insert into ledger.streams (category, stream, first_version, shelf) values ($1, $2, 1, 202611)`,
        [category, aStream()],
      );
      if (CATEGORY_OWNERS[category] === service) await expect(insert).resolves.toMatchObject({ rowCount: 1 });
      else await expect(insert).rejects.toMatchObject({ code: '42501' });
    }
    for (const change of [
      'update ledger.streams set shelf = 0',
      'delete from ledger.streams',
      'truncate ledger.streams',
      `insert into ledger.streams (category, stream, first_version, shelf, archived_version) values ('alert', 's', 1, 1, 1)`,
    ]) {
      await expect(pool.query(change)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it.each(SERVICES)('%s can neither put events on a shelf of its own making nor take one away', async (service) => {
    for (const statement of [
      'create table ledger.events_alert_1 partition of ledger.events_alert for values in (1)',
      'alter table ledger.events detach partition ledger.events_alert',
      'drop table ledger.events_alert',
      `insert into ledger.shelves (category, shelf) values ('alert', 1)`,
      `insert into ledger.archived_ids (category, id, tx, position) values ('alert', gen_random_uuid(), '1', 1)`,
      `insert into ledger.archives (category, shelf) values ('alert', 1)`,
    ]) {
      await expect(postgres.pool(service).query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('keeps what is unique where the rows are, on every table that holds some', async () => {
    const { rows } = await postgres.ownerPool().query<{ leaf: string; unique: string[] }>(
      `select c.relname as leaf, array(select pg_get_constraintdef(oid) from pg_constraint
                where conrelid = c.oid and contype in ('p', 'u') order by contype) as unique
         from pg_partition_tree('ledger.events') t join pg_class c on c.oid = t.relid where t.isleaf`,
    );
    expect(rows.length).toBeGreaterThan(CATEGORIES.length);
    for (const { unique } of rows) {
      expect(unique).toEqual(['PRIMARY KEY (category, stream, version)', 'UNIQUE (category, id)']);
    }
  });

  it('keeps what is sealed as it is, and beside the rest of its row where a page has room, on every table', async () => {
    const { rows } = await postgres.ownerPool().query(
      `select distinct c.relkind = 'r' as leaf, a.attstorage, c.reloptions
         from pg_partition_tree('ledger.events') t join pg_class c on c.oid = t.relid
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'data' order by 1`,
    );
    expect(rows).toEqual([
      { leaf: false, attstorage: 'e', reloptions: null },
      { leaf: true, attstorage: 'e', reloptions: ['toast_tuple_target=8160'] },
    ]);
  });

  it.each([
    'create table ledger.other (x int)',
    'alter table ledger.events_case disable row level security',
    'alter table ledger.events_case disable trigger all',
    'drop table ledger.events_case',
    'create policy mine on ledger.events for insert to public with check (true)',
    `create or replace function ledger.tx_offset() returns bigint language sql as 'select 0::bigint'`,
    'create table svc_case.other (x int)',
    `insert into ledger.server (system_identifier, tx_offset) values ('1', 0)`,
    'set role countersign_owner',
    'set role countersign_ledger',
  ])('refuses a service: %s', async (statement) => {
    await expect(postgres.pool('case').query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  it("gives a service the rows of its own schema's tables, and of no other's", async () => {
    await asOwner((client) => client.query('create table svc_case.cases (id int generated always as identity, n int)'));
    for (const statement of [
      'insert into svc_case.cases (n) values (1)',
      'update svc_case.cases set n = 2',
      'delete from svc_case.cases',
    ]) {
      await postgres.pool('case').query(statement);
      await expect(postgres.pool('ingest').query(statement)).rejects.toMatchObject({ code: '42501' });
    }
    await expect(postgres.pool('case').query('truncate svc_case.cases')).rejects.toMatchObject({ code: '42501' });
  });

  it('tells the writer of another category, and writes what it may', async () => {
    const store = createPostgresEventStore({
      connection: { connectionString: postgres.appUrl },
      role: 'countersign_case',
    });
    const good = aStream();
    const foreign = toStream(aStream('run'), [anEvent()], { category: 'run' });
    await expect(store.append([foreign])).rejects.toMatchObject({ code: 'permission_missing' });
    const results = await store.appendMany([
      [toStream(aStream(), [anEvent()])],
      [foreign],
      [toStream(good, [anEvent()])],
    ]);
    expect(results).toMatchObject([
      { status: 'appended' },
      { status: 'refused', error: { code: 'permission_missing' } },
      { status: 'appended' },
    ]);
    expect(await store.readStream('case', good)).toHaveLength(1);
    await store.close();
  });

  it('does not act as the login when the role is not one that it may take', async () => {
    const connection = { connectionString: postgres.urlFor('case') };
    const store = createPostgresEventStore({ connection, role: 'countersign_ledger' });
    await expect(store.readStream('case', 'x')).rejects.toMatchObject({ code: 'permission_missing' });
    await store.close();
  });
});

describe('a ledger that moves to a server whose transaction ids start low', () => {
  const adopt = (options: { rewound?: boolean } = {}) =>
    asOwner((client) => adoptLedger(client, { recorded: [], ...options }));
  const storeOf = () => createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case') } });
  const txOf = (stream: string, store: EventStore) =>
    store.readStream('case', stream).then(([event]) => event?.tx ?? '');
  const far = '900000000000';
  let adoptedStream: string;

  it('is refused until it is adopted', async () => {
    await asOwner((client) => client.query(insertInto('ledger.events', 'case', { tx: `'${far}'` })));
    const store = storeOf();
    const append = store.append([toStream(aStream(), [anEvent()])]);
    await expect(append).rejects.toMatchObject({ code: 'ledger_not_adopted', reason: expect.stringContaining(far) });
    await expect(store.readAfter(undefined, { limit: 1 })).rejects.toThrow(/countersign ledger adopt/);
    await store.close();
  });

  it('is adopted: new events come after all that stand there, and only once', async () => {
    const adopted = await adopt();
    expect(BigInt(adopted.raisedBy)).toBeGreaterThan(0n);
    expect(await adopt()).toEqual({ raisedBy: '0' });

    const store = storeOf();
    adoptedStream = aStream();
    await store.append([toStream(adoptedStream, [anEvent()])]);
    const tx = await txOf(adoptedStream, store);
    expect(BigInt(tx)).toBeGreaterThan(BigInt(far));
    await allVisible(store);
    const page = await store.readAfter(`${far}.0`, { limit: 10 });
    expect(page.events.map((event) => event.tx)).toEqual([far, tx]);
    await store.close();
  });

  it('is refused on a server of another identity, wherever its transaction ids are', async () => {
    await asOwner((client) => client.query(`insert into ledger.server (system_identifier, tx_offset) values ('1', 0)`));
    const store = storeOf();
    await expect(store.end()).rejects.toMatchObject({
      code: 'ledger_not_adopted',
      reason: expect.stringContaining('server 1'),
    });
    expect(BigInt((await adopt()).raisedBy)).toBeGreaterThan(0n);
    await expect(store.end()).resolves.toBeDefined();
    await store.close();
  });

  it('comes after what the other tables have recorded, cursors ahead of every event among them', async () => {
    await asOwner((client) => client.query('create table svc_case.seen as select 5000000000000000 as tx'));
    const recorded = [
      { table: 'svc_case.seen', greatest: 'select max(tx)::numeric from svc_case.seen' },
      { table: 'svc_case.never_made', greatest: 'select 1' },
    ];
    await asOwner((client) => adoptLedger(client, { recorded }));
    const store = storeOf();
    const stream = aStream();
    await store.append([toStream(stream, [anEvent()])]);
    expect(BigInt(await txOf(stream, store))).toBeGreaterThan(5000000000000000n);
    await store.close();
  });

  it('is raised on request where nothing shows that it was put back', async () => {
    expect(await adopt()).toEqual({ raisedBy: '0' });
    const { raisedBy } = await adopt({ rewound: true });
    expect(BigInt(raisedBy)).toBe(2n ** 40n);
  });

  it('loses and repeats nothing for who reads and writes while it is adopted', async () => {
    const store = storeOf();
    const written: string[] = [];
    const seen: string[] = [];
    let cursor = await store.end();
    let [writing, reading] = [true, true];
    const write = async () => {
      while (writing) {
        const event = anEvent();
        await store.append([toStream(aStream(), [event])]);
        written.push(event.id);
      }
    };
    const read = async () => {
      while (reading || seen.length < written.length) {
        const page = await store.readAfter(cursor, { limit: 50 });
        seen.push(...page.events.map(({ id }) => id));
        ({ cursor } = page);
      }
    };
    const change = async () => {
      for (let count = 0; count < 5; count += 1) await adopt({ rewound: true });
      writing = false;
    };
    const writers = Promise.all([write(), write()]).finally(() => (reading = false));
    await Promise.all([writers, read(), change()]);
    expect(seen.sort()).toEqual(written.sort());
    await store.close();
  });

  it('says what is wrong with the login or the database', async () => {
    const as = async (url: string) => {
      const client = new Client({ connectionString: url });
      await client.connect();
      return adoptLedger(client, { recorded: [] }).finally(() => client.end());
    };
    const notTheOwner = as(postgres.urlFor('case'));
    await expect(notTheOwner).rejects.toMatchObject({
      code: 'invalid_configuration',
      reason: expect.stringContaining('countersign_owner'),
    });
    const elsewhere = postgres.superuserUrl.replace(/[^/]+$/, 'postgres');
    await expect(as(elsewhere)).rejects.toThrow(/there is no ledger in database postgres/);
  });
});
