import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { done, retry } from '#libs/bus';
import { createPostgresEventStore, NO_STREAM } from '#libs/event-store';
import { adopt, type EmbeddedPostgres } from '#libs/local';
import { usePostgresTools } from '#libs/testing';
import { createKeyMaterial } from '#libs/warrant';
import { countersign } from '../e2e/command-line';
import { copyServer } from './base-backup';
import {
  type Dump,
  dump,
  nextTransaction,
  prepare,
  restoreDatabase,
  restoreRoles,
  spendTransactions,
} from './dump-and-restore';
import { LedgerService } from './ledger-service';
import { eventually } from '../../libs/bus/conformance/eventually';
import { DATABASE, Followed, nameOf, Site, urlsOf } from './site';

const postgres = usePostgresTools();
const STREAMS = ['case-a', 'case-b', 'case-c'];

/** One story: each test goes on where the one before ended. */
postgres.describe('a ledger that moves to another server by pg_dump and pg_restore', () => {
  let folder: string;
  const followed = new Followed();
  const written: string[] = [];
  const published: string[] = [];
  let first: EmbeddedPostgres;
  let second: EmbeddedPostgres;
  let old: Site;
  let witness: CheckpointSigned;
  let dumped: Dump;
  /** Of a reader who began at the end: ahead of the last event, since other programs use the server too. */
  let cursor: string | undefined;

  async function write(site: Site, count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      for (const stream of STREAMS) written.push(nameOf(await site.append(stream)));
      const alert = `${index % 2 === 0 ? 'siem' : 'held'}-${published.length}`;
      await site.publish(alert);
      published.push(alert);
    }
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-restore-'));
    await createKeyMaterial(join(folder, 'keys'), new Date());
    first = await postgres.startServer();
    second = await postgres.startServer();
    await prepare(first);
    await spendTransactions(first, 20_000);
  });
  afterAll(async () => {
    await old?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is followed on the old server, and leaves something to do for each follower', async () => {
    // What is held is tried again and again, and later messages of its key wait behind it.
    const outcome = (alert: string) => (alert.startsWith('held') ? retry(50, 'not yet') : done);
    old = new Site({ urls: urlsOf(first), followed, outcome });
    await old.follow();
    await write(old, 4);
    await eventually(async () => {
      expect(followed.handled).toHaveLength(12);
      expect(followed.received).toEqual(['siem-0', 'siem-2']);
      expect(await old.readModel()).toHaveLength(12);
    });
    await old.stopFollowing();

    const ledger = await LedgerService.start(old.urls.app, folder);
    witness = await ledger.sign();
    await ledger.stop();
    cursor = await old.readOn(undefined);
    await write(old, 3);
    await spendTransactions(first, 500);
    await old.publish('siem-last');
    published.push('siem-last');
    await spendTransactions(first, 500);
    await allVisible(old);
    await old.readOn(cursor);
    cursor = await old.store.end();

    dumped = await dump(postgres, first, folder);
    await restoreRoles(postgres, second, dumped);
    expect(await nextTransaction(second)).toBeLessThan(20_000n);
  });

  it('is refused by who opens it unless it is adopted', async () => {
    await restoreDatabase(postgres, second, dumped, 'not_adopted');
    const urls = urlsOf(second, 'not_adopted');
    await expect(LedgerService.start(urls.app, folder)).rejects.toMatchObject({
      code: 'ledger_not_adopted',
      reason: expect.stringMatching(/countersign ledger adopt/),
    });
    const site = new Site({ urls, followed: new Followed() });
    await expect(site.append('case-new')).rejects.toMatchObject({ code: 'ledger_not_adopted' });
    await site.stop();
  });

  it('would let followers skip new events, were it not refused', async () => {
    const urls = urlsOf(second, 'not_adopted');
    const pool = new Pool({ connectionString: urls.service('case') });
    const unguarded = createPostgresEventStore({ pool });
    const event = {
      ...{ id: '01a20ea0-0000-7000-8000-000000000001', type: 'CaseNoteAdded', schemaVersion: 1 },
      ...{ time: new Date().toISOString(), actor: { kind: 'human', id: 'arno' } as const },
      ...{ data: { text: 'skipped' }, meta: { correlationId: 'test' } },
    };
    await unguarded.append([
      { category: 'case', stream: 'case-new', tenant: 'default', expected: NO_STREAM, events: [event] },
    ]);
    expect(await unguarded.readStream('case', 'case-new')).toHaveLength(1);
    // It is there, and stands before all that a cursor or a read model's checkpoint has passed.
    await eventually(async () => {
      const [beginning] = (await unguarded.readAfter(undefined, { limit: 1 })).events;
      expect(beginning?.stream).toBe('case-new');
    });
    expect((await unguarded.readAfter(cursor, { limit: 10 })).events).toEqual([]);
    await pool.end();
  });

  it('is adopted by `countersign ledger adopt`, once', async () => {
    await restoreDatabase(postgres, second, dumped);
    const run = (...args: string[]) =>
      countersign(['ledger', 'adopt', ...args], { MIGRATION_URL: urlsOf(second).owner });
    const adopted = await run('--json');
    expect(adopted).toMatchObject({ code: 0, stderr: '' });
    const { raisedBy }: { raisedBy: string } = JSON.parse(adopted.stdout);
    expect(BigInt(raisedBy)).toBeGreaterThan(0n);
    expect(await run()).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to do') });
    expect(JSON.parse((await run('--json')).stdout)).toEqual({ raisedBy: '0' });
  });

  it('says what is wrong with the login or the database', async () => {
    const run = (url: string) => countersign(['ledger', 'adopt'], { MIGRATION_URL: url });
    expect(await run('')).toMatchObject({ code: 2, stderr: expect.stringMatching(/MIGRATION_URL.*--database URL/) });
    const notTheOwner = await run(urlsOf(second).app);
    expect(notTheOwner).toMatchObject({ code: 1, stderr: expect.stringMatching(/cannot act as countersign_owner/) });
    const notALedger = await run(second.url('postgres'));
    expect(notALedger).toMatchObject({ code: 1, stderr: expect.stringMatching(/no ledger in database postgres/) });
  });

  it('lets every follower go on: nothing is skipped, nothing comes twice, streams stay in order', async () => {
    const site = new Site({ urls: urlsOf(second), followed });
    await write(site, 4);
    await site.follow();
    await write(site, 3);
    await eventually(async () => {
      expect([...followed.handled].sort()).toEqual([...written].sort());
      expect([...followed.received].sort()).toEqual([...published].sort());
      expect((await site.readModel()).sort()).toEqual([...written].sort());
    });
    await eventually(async () => {
      cursor = await site.readOn(cursor);
      expect([...followed.live].sort()).toEqual([...written].sort());
    });
    const readModel = await site.readModel();
    for (const names of [followed.handled, followed.live, readModel]) {
      for (const stream of STREAMS) expect(of(stream, names)).toEqual(of(stream, written));
    }
    for (const key of ['siem', 'held']) expect(of(key, followed.received)).toEqual(of(key, published));
    await site.stop();
  });

  it('verifies across the move, with a checkpoint of the old server and with new ones', async () => {
    const ledger = await LedgerService.start(urlsOf(second).app, folder);
    const checkpoint = await ledger.sign();
    expect(checkpoint.sequence).toBeGreaterThan(witness.sequence);
    expect(await ledger.verify()).toMatchObject({ verified: true, problems: [], uncoveredEvents: 0 });
    expect(await ledger.verifyExport(witness)).toMatchObject({ verified: true, witness: 'agrees' });
    await ledger.stop();
  });

  it('needs nothing of it after a base backup, which is a copy of the server', async () => {
    const copy = await copyServer(postgres, second);
    const urls = urlsOf(copy, DATABASE);
    expect(await adopt({ url: urls.owner })).toEqual({ raisedBy: '0' });
    const site = new Site({ urls, followed });
    await write(site, 1);
    await site.follow();
    await eventually(async () => {
      expect([...followed.handled].sort()).toEqual([...written].sort());
      expect((await site.readModel()).sort()).toEqual([...written].sort());
    });
    await site.stop();
  });
});

/** Resolves when readers see everything: a transaction of the server itself can hold them back for a moment. */
const allVisible = ({ store }: Site): Promise<void> =>
  eventually(async () => expect(await store.visibilityLag()).toMatchObject({ events: 0 }));

const of = (prefix: string, names: readonly string[]): string[] => names.filter((name) => name.startsWith(prefix));
