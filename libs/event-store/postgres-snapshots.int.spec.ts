import { DataSource } from 'typeorm';
import { useMigratedPostgres } from '#libs/testing';
import { createPostgresEventStore, createPostgresSnapshots, type EventStore } from './index';
import { snapshotsConformance } from './conformance-snapshots';

const postgres = useMigratedPostgres();
const SCHEMA = 'svc_case';
const kind = { category: 'case', name: 'notes', stateVersion: 1 } as const;

describe('snapshots in PostgreSQL', () => {
  let store: EventStore;
  let database: DataSource;
  const troubles: unknown[] = [];
  const snapshotsOf = (every: number) =>
    createPostgresSnapshots({ database, schema: SCHEMA, every, onTrouble: (error) => troubles.push(error) });

  beforeAll(async () => {
    const connectionString = postgres.urlFor('case');
    store = createPostgresEventStore({ connection: { connectionString } });
    database = await new DataSource({ type: 'postgres', url: connectionString }).initialize();
  });
  afterAll(async () => {
    await Promise.all([store.close(), database.destroy()]);
    expect(troubles).toEqual([]);
  });

  snapshotsConformance(() => store, snapshotsOf);

  it('waits with a drop for a state that is being kept, and drops it', async () => {
    const snapshots = snapshotsOf(1);
    const { generation } = await snapshots.load(kind, []);
    const saving = await postgres.pool('case').connect();
    const one = new Map([['case-1', { version: 1, hash: 'h', state: {} }]]);
    await saving.query('begin');
    const within = createPostgresSnapshots({
      schema: SCHEMA,
      database: {
        query: async <Rows>(text: string, values?: unknown[]) => (await saving.query(text, values)).rows as Rows,
      },
      onTrouble: (error) => troubles.push(error),
    });
    await within.save(kind, generation, one);
    const dropping = snapshots.dropAll();
    const late = snapshots.save(kind, generation, new Map([['case-2', { version: 1, hash: 'h', state: {} }]]));
    const waiting = 'select exists (select from pg_locks where not granted) as yes';
    while (!(await postgres.ownerPool().query<{ yes: boolean }>(waiting)).rows[0]?.yes);
    await saving.query('commit');
    saving.release();
    await Promise.all([dropping, late]);
    expect((await snapshots.load(kind, ['case-1'])).byStream.size).toBe(0);
  });

  it('keeps nothing in the write-ahead log, from which no archive could erase it', async () => {
    const { rows } = await postgres
      .ownerPool()
      .query(`select relpersistence from pg_class where oid = '${SCHEMA}.snapshot'::regclass`);
    expect(rows).toEqual([{ relpersistence: 'u' }]);
  });

  it('costs time alone when the tables are not to be had', async () => {
    const heard: unknown[] = [];
    const nowhere = createPostgresSnapshots({
      ...{ database, schema: 'nowhere' },
      onTrouble: (error) => heard.push(error),
    });
    const { generation, byStream } = await nowhere.load(kind, ['case-1']);
    await nowhere.save(kind, generation, new Map([['case-1', { version: 1, hash: 'h', state: {} }]]));
    await nowhere.discard(kind, new Map([['case-1', { version: 1, hash: 'h' }]]));
    expect([byStream.size, heard.length]).toEqual([0, 2]);
    await expect(nowhere.dropAll()).rejects.toMatchObject({ code: expect.any(String) });
  });
});
