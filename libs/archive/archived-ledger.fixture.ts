import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import type { Category } from '#contracts/envelope';
import {
  createPostgresEventStore,
  type EventStore,
  migrateLedger,
  type NewEvent,
  type RecordedEvent,
  type StreamHead,
} from '#libs/event-store';
import { newId } from '#libs/kernel';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import { ArchiveFolder } from './archive-folder';
import { type ArchivedShelf, archiveShelf, type ArchiveStep } from './archive-shelf';
import { cutOf, planShelves } from './shelf-plan';

/** The months of which a ledger of these tests has shelves, beside those of now. */
export const OLD = [202501, 202502, 202503, 202504] as const;

/** A ledger with shelves of long ago, an archivist, and a folder for what is archived. */
export function useArchivedLedger() {
  const postgres = usePostgres(EMPTY_DATABASE);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-archive-'));
  let store: EventStore;
  let reader: EventStore;
  let checkpoints: EventStore;
  let archivist: Pool;

  async function asOwner<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ connectionString: postgres.ownerUrl });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Lets the ledger think that it is that month; the real one without. */
  const setMonth = (month?: number) =>
    asOwner((client) =>
      client.query(`create or replace function ledger.shelf_now() returns integer language sql stable parallel safe as
        $$select ${month ?? `to_char(clock_timestamp() at time zone 'utc', 'YYYYMM')::integer`}$$`),
    );

  /** Of that month and those after it. */
  async function makeShelvesFrom(month: number): Promise<void> {
    await setMonth(month);
    await asOwner((client) => migrateLedger(client));
    await setMonth();
  }

  beforeAll(async () => {
    await asOwner((client) => migrateLedger(client));
    await makeShelvesFrom(OLD[0]);
    store = createPostgresEventStore({ connection: { connectionString: postgres.urlFor('case') } });
    reader = createPostgresEventStore({ pool: postgres.pool('case'), archive: new ArchiveFolder(folder) });
    checkpoints = createPostgresEventStore({ connection: { connectionString: postgres.urlFor('ledger') } });
    archivist = new Pool({ connectionString: postgres.archivistUrl, max: 3 });
    archivist.on('error', () => undefined);
  });
  afterAll(async () => {
    await Promise.all([store?.close(), reader?.close(), checkpoints?.close(), archivist?.end()]);
    rmSync(folder, { recursive: true });
  });

  const anEvent = (time: string): NewEvent => ({
    ...{ id: newId(), type: 'T', schemaVersion: 1, time, actor: { kind: 'human', id: 'alice' } },
    ...{ data: { text: 'seen', n: Math.random() }, meta: { correlationId: 'c-1' } },
  });

  /** Appends to a stream, whatever its head is, in that month; without one, now. */
  async function append(stream: string, count = 1, month?: number, category: Category = 'alert') {
    await setMonth(month);
    const expected = (await store.heads(category, [stream])).get(stream) as StreamHead;
    const time =
      month === undefined
        ? new Date().toISOString()
        : `${String(month).slice(0, 4)}-${String(month).slice(4)}-15T00:00:00.000Z`;
    const events = Array.from({ length: count }, () => anEvent(time));
    const result = await store.append([{ category, stream, tenant: 'default', expected, events }]);
    await setMonth();
    if (result.status !== 'appended') throw new Error(`an append was not written: ${result.status}`);
    return result.events;
  }

  /** Records a checkpoint over all that is visible; unsigned, which the archivist does not mind. */
  async function cover(): Promise<void> {
    while ((await store.visibilityLag()).events > 0) await new Promise((done) => setImmediate(done));
    const last = (await whole()).at(-1);
    const expected = (await checkpoints.heads('checkpoint', ['checkpoint-log'])).get('checkpoint-log') as StreamHead;
    const data = { upTo: last ? { tx: last.tx, position: last.position } : null };
    const events = [{ ...anEvent(new Date().toISOString()), type: 'CheckpointSigned', data }];
    await checkpoints.append([
      { category: 'checkpoint', stream: 'checkpoint-log', tenant: 'default', expected, events },
    ]);
  }

  async function archive(
    onStep?: (step: ArchiveStep) => Promise<void> | void,
    keepDays = 400,
  ): Promise<ArchivedShelf[]> {
    const cut = await cutOf(archivist, keepDays);
    if (!cut) throw new Error('there is no checkpoint');
    const done: ArchivedShelf[] = [];
    for (const plan of await planShelves(archivist, keepDays)) {
      if (plan.isReady) done.push(await archiveShelf(plan, { pool: archivist, folder, cut, onStep }));
    }
    return done;
  }

  /** Everything but the checkpoints, archives and database as one. */
  async function whole(from: EventStore = reader, limit = 7): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    let cursor: string | undefined;
    for (;;) {
      const page = await from.readAfter(cursor, { limit });
      events.push(...page.events.filter(({ category }) => category !== 'checkpoint'));
      if (page.events.length < limit) return events;
      ({ cursor } = page);
    }
  }

  return {
    postgres,
    folder,
    asOwner,
    setMonth,
    makeShelvesFrom,
    append,
    cover,
    archive,
    whole,
    anEvent,
    store: () => store,
    reader: () => reader,
    archivist: () => archivist,
  };
}
