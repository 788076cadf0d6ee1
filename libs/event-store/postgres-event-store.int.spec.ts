import { Client } from 'pg';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { eventStoreConformance } from './conformance';
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
});
