import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import { SERVICES } from '#contracts/envelope';
import { createPostgresEventStore, type EventStore, NO_STREAM } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { reportNotRun } from '#libs/testing';
import { dataFolder } from './data-folder';
import { type LocalDatabase, startLocalDatabase } from './local-database';
import { migrate } from './migrate';

const MIB = 1024 * 1024;
const DISK_MIB = 320;
/** What the test leaves free before it writes. */
const ROOM_MIB = 40;
const MOST_APPENDS = 3_000;
const PATIENCE_MS = 120_000;

const disk = mkdtempSync(join(tmpdir(), 'countersign-small-disk-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=755`, 'tmpfs', disk]);
const refused = mounted.status === 0 ? undefined : String(mounted.stderr ?? mounted.error ?? '').trim();
if (refused !== undefined) {
  const reason = `no small disk can be mounted here (${refused}); run it as root, on Linux`;
  reportNotRun({ need: 'a disk that is small', variable: 'REQUIRE_SMALL_DISK', reason });
}

(refused === undefined ? describe : describe.skip)('a disk that is full', () => {
  const ballast = join(disk, 'ballast');
  let database: LocalDatabase;
  let pool: Pool;
  let store: EventStore;

  beforeAll(async () => {
    const data = join(disk, 'data');
    mkdirSync(data);
    database = await startLocalDatabase(dataFolder(data));
    const { services } = database.passwords;
    const definitions = SERVICES.map((name) => ({ name, migrations: [] }));
    await migrate({ url: database.migrationUrl, services: definitions, passwords: { services } });
    pool = new Pool({ connectionString: database.urlFor('case'), max: 2, connectionTimeoutMillis: 5_000 });
    pool.on('error', () => undefined);
    store = createPostgresEventStore({ pool });
  }, PATIENCE_MS);

  afterAll(async () => {
    await store.close();
    await pool.end();
    await database.stop();
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  }, PATIENCE_MS);

  /** One event of 64 KiB, which nothing can compress. */
  async function append(stream: string): Promise<void> {
    const event = {
      id: newId(),
      type: 'NoteAdded',
      schemaVersion: 1,
      time: '2026-11-24T09:30:00.000Z',
      actor: { kind: 'service', id: 'case' },
      data: { text: randomBytes(32 * 1024).toString('hex') },
      meta: { correlationId: stream },
    } as const;
    const group = [{ category: 'case', stream, tenant: 'default', expected: NO_STREAM, events: [event] }] as const;
    const { status } = await store.append(group);
    if (status !== 'appended') throw new Error(`${stream}: ${status}`);
  }

  it(
    'costs nothing that was acknowledged, says so to who writes, and is over once there is room',
    async () => {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize - ROOM_MIB * MIB));
      const acknowledged: string[] = [];
      let trouble: unknown;
      for (let number = 0; trouble === undefined && number < MOST_APPENDS; number += 1) {
        const stream = `case-${number}`;
        try {
          await append(stream);
          acknowledged.push(stream);
        } catch (error) {
          trouble = error;
        }
      }
      // Retryable: a consumer puts its batch off, and a sender is answered with 503.
      expect(trouble).toMatchObject({ code: 'database_unavailable' });
      expect(acknowledged.length).toBeGreaterThan(10);

      truncateSync(ballast, 0);
      const deadline = performance.now() + PATIENCE_MS;
      let failure: unknown = new Error('never tried');
      for (let number = 0; failure !== undefined && performance.now() < deadline; number += 1) {
        failure = await append(`case-after-${number}`).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure !== undefined) await delay(250);
      }
      expect(failure).toBeUndefined();
      const heads = await store.heads('case', acknowledged);
      expect(acknowledged.filter((stream) => heads.get(stream)?.version !== 1)).toEqual([]);
    },
    3 * PATIENCE_MS,
  );
});
