import { Client } from 'pg';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { eventStoreConformance } from './conformance';
import { anEvent, aStream, eventsOf, toStream } from './event-fixture';
import { migrateLedger } from './migrations';
import type { EventStore } from './port';
import { createPostgresEventStore } from './postgres-event-store';

const postgres = usePostgres(EMPTY_DATABASE);

describe('the event store on PostgreSQL', () => {
  let store: EventStore;

  beforeAll(async () => {
    const owner = new Client({ connectionString: postgres.ownerUrl });
    await owner.connect();
    await migrateLedger(owner);
    await owner.end();
    store = createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case') } });
  });
  afterAll(() => store.close());

  eventStoreConformance(() => store);

  describe('where events lie on shelves', () => eventStoreConformance(() => store, 'alert', 'case'));

  it('keeps every time that can be given, to the millisecond', async () => {
    for (const time of ['0001-01-01T00:00:00.001Z', '1999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z']) {
      const stream = aStream();
      const written = eventsOf(await store.append([toStream(stream, [anEvent({ time })])]));
      expect(written.map((event) => event.time)).toEqual([time]);
      expect(await store.readStream('case', stream)).toEqual(written);
    }
  });

  it('says database_unavailable when nothing answers, and works again when something does', async () => {
    const nobody = createPostgresEventStore({ connection: { host: '127.0.0.1', port: 1 } });
    const group = [toStream(aStream(), [anEvent()])];
    await expect(nobody.append(group)).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
    await expect(nobody.readStream('case', 's')).rejects.toMatchObject({ code: 'database_unavailable' });
    await nobody.close();

    const admin = new Client({ connectionString: postgres.superuserUrl });
    await admin.connect();
    const killAll = `select pg_terminate_backend(pid, 5000) from pg_stat_activity
                      where datname = current_database() and usename = 'countersign_case'`;
    await admin.query('begin');
    await admin.query('lock table ledger.events_case in access exclusive mode');
    const cut = store.append(group);
    const waiting = `select exists (select from pg_locks where not granted) as yes`;
    while (!(await admin.query<{ yes: boolean }>(waiting)).rows[0]?.yes);
    await Promise.all([expect(cut).rejects.toMatchObject({ code: 'database_unavailable' }), admin.query(killAll)]);
    await admin.query('commit');
    await admin.end();
    expect((await store.append(group)).status).toBe('appended');
  });

  it('says what to do when the ledger has not been migrated', async () => {
    const url = new URL(postgres.superuserUrl);
    url.pathname = '/postgres';
    const empty = createPostgresEventStore({ connection: { connectionString: url.href } });
    await expect(empty.readAfter(undefined, { limit: 1 })).rejects.toMatchObject({
      code: 'database_unavailable',
      reason: expect.stringContaining('countersign migrate'),
    });
    await empty.close();
  });
});
