import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { dataFolder, emptyDataFolder, type LocalDatabase, migrate, startLocalDatabase } from '#libs/local';
import { runTypeScript } from '#libs/testing';
import { allVisible, aStream, chainFaults } from './event-fixture';
import type { EventStore, RecordedEvent } from './port';
import { createPostgresEventStore } from './postgres-event-store';
import { writeRelentlessly } from './relentless-writer.fixture';

const folder = dataFolder(mkdtempSync(join(tmpdir(), 'countersign-killed-')));
let database: LocalDatabase;
let store: EventStore;

beforeAll(async () => {
  database = await startLocalDatabase(folder);
  await migrate({ url: database.migrationUrl, services: [], passwords: database.passwords });
  store = createPostgresEventStore({
    connection: { connectionString: database.appUrl, max: 4 },
    role: 'countersign_case',
  });
});
afterAll(async () => {
  await store?.close();
  await database?.stop();
  await emptyDataFolder(folder);
});

/** What was acknowledged is there, once; versions are dense, chains whole; readers see all of it, each stream in order. */
async function demandWholeLedger(streams: readonly string[], acknowledged: readonly string[]): Promise<void> {
  const ledger = await store.readStreams('case', streams);
  for (const events of ledger.values()) expect(chainFaults(events)).toEqual([]);
  const stored = [...ledger.values()].flat();
  const ids = new Set(stored.map(({ id }) => id));
  expect(ids.size).toBe(stored.length);
  expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
  expect(new Set(acknowledged).size).toBe(acknowledged.length);

  await allVisible(store);
  const read: RecordedEvent[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.readAfter(cursor, { categories: ['case'], limit: 1000 });
    read.push(...page.events.filter(({ stream }) => ledger.has(stream)));
    if (page.events.length === 0) break;
    cursor = page.cursor;
  }
  for (const [stream, events] of ledger) expect(read.filter((event) => event.stream === stream)).toEqual(events);
}

const program = (streams: readonly string[]) => `
  import { createPostgresEventStore } from '#libs/event-store';
  import { writeRelentlessly } from './libs/event-store/relentless-writer.fixture';
  const connection = { connectionString: process.env.WRITER_URL, max: 4 };
  const store = createPostgresEventStore({ connection, role: 'countersign_case' });
  for (let writer = 0; writer < 3; writer += 1) {
    void writeRelentlessly(store, ${JSON.stringify(streams)}, (ids) => process.stdout.write(ids.join(' ') + '\\n'));
  }`;

async function eventually(expectation: () => void): Promise<void> {
  const until = performance.now() + 50_000;
  for (;;) {
    try {
      return expectation();
    } catch (error) {
      if (performance.now() > until) throw error;
      await wait(20);
    }
  }
}

describe('kill -9', () => {
  it('of writers that meet on the same streams loses nothing that was acknowledged, and breaks no chain', async () => {
    const streams = Array.from({ length: 5 }, () => aStream());
    const acknowledged: string[] = [];
    let isOver = false;
    const survivor = writeRelentlessly(
      store,
      streams,
      (ids) => void acknowledged.push(...ids),
      () => isOver,
    );
    for (const lifeMs of [150, 400, 80, 250]) {
      const victim = runTypeScript(program(streams), { WRITER_URL: database.appUrl });
      acknowledged.push(...(await victim.nextLine()).split(' '));
      victim.process.stdout?.on('data', () => undefined);
      await wait(lifeMs);
      victim.kill('SIGKILL');
      await victim.ended();
      for (;;) {
        const line = await victim.nextLine().catch(() => undefined);
        if (line === undefined) break;
        acknowledged.push(...line.split(' '));
      }
    }
    isOver = true;
    await survivor;
    expect(acknowledged.length).toBeGreaterThan(50);
    await demandWholeLedger(streams, acknowledged);
  });

  it('of PostgreSQL in the middle of appends loses nothing that was acknowledged, and writes nothing twice', async () => {
    const streams = Array.from({ length: 5 }, () => aStream());
    const acknowledged: string[] = [];
    let isOver = false;
    const note = (ids: readonly string[]) => void acknowledged.push(...ids);
    const writers = [0, 1, 2].map(() => writeRelentlessly(store, streams, note, () => isOver));
    for (const lifeMs of [300, 120, 500]) {
      await wait(lifeMs);
      const { pid } = database.server;
      process.kill(pid, 'SIGKILL');
      await eventually(() => expect(database.server.pid).not.toBe(pid));
      // They go on by themselves once it runs again.
      const before = acknowledged.length;
      await eventually(() => expect(acknowledged.length).toBeGreaterThan(before + 60));
    }
    isOver = true;
    await Promise.all(writers);
    await demandWholeLedger(streams, acknowledged);
  });
});
