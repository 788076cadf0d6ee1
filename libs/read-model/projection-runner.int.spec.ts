import { pino } from 'pino';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { createMemoryEventStore, NO_STREAM, type EventStore, type StreamHead } from '#libs/event-store';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { migrateReadModel } from './migrate';
import { note } from './note.fixture';
import type { Projection } from './projection';
import { ProjectionRunner } from './projection-runner';

const SCHEMA = 'svc_case';
const logger = pino({ level: 'silent' });
const postgres = usePostgres(EMPTY_DATABASE);

const notes: Projection = {
  name: 'notes',
  categories: ['case'],
  entities: [],
  async apply(events, tx) {
    for (const event of events)
      await tx.query(`insert into ${SCHEMA}.note (stream, version, text) values ($1, $2, $3)`, [
        event.stream,
        event.version,
        event.data['text'],
      ]);
  },
};

describe('ProjectionRunner', () => {
  let database: DataSource;
  let store: EventStore;
  const runners: ProjectionRunner[] = [];
  let head: StreamHead;

  beforeAll(async () => {
    const client = new Client({ connectionString: postgres.ownerUrl });
    await client.connect();
    await client.query(`create schema ${SCHEMA}`);
    await migrateReadModel(client, SCHEMA);
    await client.query(
      `create table ${SCHEMA}.note (stream text, version int, text text, primary key (stream, version))`,
    );
    await client.end();
    database = await new DataSource({ type: 'postgres', url: postgres.ownerUrl }).initialize();
  });
  beforeEach(async () => {
    store = createMemoryEventStore();
    head = NO_STREAM;
    await database.query(`truncate ${SCHEMA}.note, ${SCHEMA}.projection_checkpoint`);
  });
  afterEach(async () => {
    await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  });
  afterAll(() => database.destroy());

  function run(projection: Projection = notes, batch = 10): ProjectionRunner {
    const runner = new ProjectionRunner({
      store,
      database,
      schema: SCHEMA,
      projections: [projection],
      logger,
      batch,
      pollMs: 20,
    });
    runners.push(runner);
    runner.start();
    return runner;
  }

  async function append(...texts: string[]) {
    const result = await store.append([
      {
        category: 'case',
        stream: 'case-1',
        tenant: 'default',
        expected: head,
        events: texts.map((text) => note({ text })),
      },
    ]);
    if (result.status !== 'appended') throw new Error(result.status);
    const last = result.events.at(-1);
    if (last) head = { version: last.version, hash: last.hash };
    return result.events;
  }

  const rows = async (): Promise<string[]> => {
    const found: { text: string }[] = await database.query(`select text from ${SCHEMA}.note order by version`);
    return found.map((row) => row.text);
  };

  it('applies what is appended, in order, and says when it has caught up', async () => {
    const runner = run();
    const events = await append(...Array.from({ length: 35 }, (_, index) => `note ${index}`));
    expect(await runner.caughtUpWith(events)).toBe(true);
    expect(await rows()).toEqual(events.map((event) => event.data['text']));
  });

  it('goes on from its checkpoint after a restart', async () => {
    const first = run();
    await first.caughtUpWith(await append('one', 'two'));
    await first.stop();
    const later = await append('three');
    expect(await run().caughtUpWith(later)).toBe(true);
    expect(await rows()).toEqual(['one', 'two', 'three']);
  });

  it('applies every event once when two instances follow', async () => {
    const [one, two] = [run(notes, 3), run(notes, 3)];
    const events = await append(...Array.from({ length: 40 }, (_, index) => `note ${index}`));
    expect(await one.caughtUpWith(events)).toBe(true);
    expect(await two.caughtUpWith(events)).toBe(true);
    expect(await rows()).toHaveLength(40);
  });

  it('keeps neither rows nor checkpoint of a batch that fails, says what is wrong, and goes on once it works', async () => {
    let broken = true;
    const runner = run({
      ...notes,
      async apply(events, tx) {
        await notes.apply(events, tx);
        if (broken) throw new Error('the table is full');
      },
    });
    const events = await append('one');
    expect(await runner.caughtUpWith(events, 200)).toBe(false);
    expect(runner.troubles()).toEqual({ notes: 'the table is full' });
    expect(await rows()).toEqual([]);
    broken = false;
    expect(await runner.caughtUpWith(events)).toBe(true);
    expect(await rows()).toEqual(['one']);
    expect(runner.troubles()).toEqual({});
  });
});
