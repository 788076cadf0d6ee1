import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createPostgresEventStore, eventHash, headOf, NO_STREAM, type RecordedEvent } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { ArchiveFolder } from './archive-folder';
import { OLD, useArchivedLedger } from './archived-ledger.fixture';
import { checkArchives } from './check-archives';

const ledger = useArchivedLedger();
const { append, cover, archive, whole, folder } = ledger;

const places = (events: readonly RecordedEvent[]) =>
  events.map(({ tx, position, hash }) => `${tx}.${position} ${hash}`);
const aStream = () => `alert-${newId()}`;

describe('history that is archived', () => {
  const [dead, alive, late, other] = [aStream(), aStream(), aStream(), aStream()];
  let before: RecordedEvent[];

  beforeAll(async () => {
    await append(dead, 3, OLD[0]);
    await append(alive, 2, OLD[0]);
    await append(other, 1, OLD[1]);
    await append(dead, 2, OLD[1]);
    await append('case-1', 2, undefined, 'case');
    await append(alive, 1);
    await append(late, 1, OLD[2]);
    await cover();
    before = await whole();
  });

  it('lies in a file for each shelf, and is read with the rest as one', async () => {
    const done = await archive();
    expect(done.filter(({ category }) => category === 'alert')).toEqual([
      expect.objectContaining({
        category: 'alert',
        shelf: OLD[0],
        events: 5,
        carried: 3,
        file: `alert-${OLD[0]}.ndjson.gz`,
      }),
      expect.objectContaining({ shelf: OLD[1], events: 1, carried: 0 }),
      expect.objectContaining({ shelf: OLD[2], events: 1 }),
      expect.objectContaining({ shelf: OLD[3], events: 0, file: null }),
    ]);
    expect(await whole()).toEqual(before);
    for (const limit of [1, 2, 3, 1000]) expect(places(await whole(ledger.reader(), limit))).toEqual(places(before));
    const { rows } = await ledger
      .archivist()
      .query(`select distinct shelf from ledger.events where category = 'alert'`);
    expect(rows.map(({ shelf }) => shelf)).toEqual([Number(new Date().toISOString().slice(0, 7).replace('-', ''))]);
    expect(await archive()).toEqual([]);
  });

  it('is a gzip file of lines of an export', () => {
    const text = gunzipSync(readFileSync(join(folder, `alert-${OLD[0]}.ndjson.gz`))).toString('utf8');
    const events = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    expect(events.map(({ kind, stream, version }) => [kind, stream, version])).toEqual(
      [1, 2, 3, 4, 5].map((version) => ['event', dead, version]),
    );
  });

  it('is told of, where the archive is not at hand', async () => {
    const file = `alert-${OLD[0]}.ndjson.gz`;
    const missing = { code: 'history_archived', field: 'LEDGER_ARCHIVE', reason: expect.stringContaining(file) };
    await expect(whole(ledger.store())).rejects.toMatchObject(missing);
    // Who has read it already goes on.
    const last = before.at(-1);
    expect((await ledger.store().readAfter(`${last?.tx}.${last?.position}`, { limit: 5 })).events.length).toBe(1);
    const path = join(folder, file);
    renameSync(path, `${path}.away`);
    const another = createPostgresEventStore({
      pool: ledger.postgres.pool('case'),
      archive: new ArchiveFolder(folder),
    });
    await expect(whole(another)).rejects.toMatchObject({
      code: 'history_archived',
      reason: expect.stringContaining(folder),
    });
    renameSync(`${path}.away`, path);
    expect(places(await whole(another))).toEqual(places(before));
  });

  it('shows an archived stream, and one of which nothing is archived', async () => {
    const of = (stream: string) => before.filter((event) => event.stream === stream);
    const { reader } = ledger;
    for (const stream of [dead, alive, late, other]) {
      expect(await reader().readStream('alert', stream)).toEqual(of(stream));
      expect((await ledger.store().heads('alert', [stream])).get(stream)).toEqual(headOf(of(stream)));
    }
    expect(await reader().readStream('alert', dead, { from: 2, to: 4, limit: 2 })).toEqual(of(dead).slice(1, 3));
    const none = aStream();
    expect(await reader().readStreams('alert', [dead, alive, none])).toEqual(
      new Map([
        [dead, of(dead)],
        [alive, of(alive)],
        [none, []],
      ]),
    );
    expect(await ledger.store().readStream('alert', dead)).toEqual([]);
  });

  it('knows an id that comes again, whatever head it is decided on', async () => {
    const [first] = before.filter((event) => event.stream === dead);
    if (!first) throw new Error('there is nothing');
    const { store } = ledger;
    const again = { ...ledger.anEvent(first.time), id: first.id };
    const head = (await store().heads('alert', [dead])).get(dead) ?? NO_STREAM;
    for (const expected of [NO_STREAM, head]) {
      const appended = { category: 'alert', stream: dead, tenant: 'default', expected, events: [again] } as const;
      expect(await store().append([appended])).toEqual({ status: 'duplicate', events: [] });
    }
    expect(await whole()).toEqual(before);
  });

  it('goes on where an archived stream is appended to, and is archived a second time', async () => {
    await ledger.makeShelvesFrom(202505);
    const [sixth] = await append(dead, 2, 202506);
    expect(sixth).toMatchObject({ version: 6 });
    const history = await ledger.reader().readStream('alert', dead);
    expect(history.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    history.reduce((previous, event) => {
      expect(event.hash).toBe(eventHash(event, previous));
      return event.hash;
    }, '');
    await cover();
    before = await whole();
    const [known] = before.filter((event) => event.stream === dead);
    const again = { ...ledger.anEvent(known?.time ?? ''), id: known?.id ?? '' };
    const appended = {
      category: 'alert',
      stream: dead,
      tenant: 'default',
      expected: headOf(history),
      events: [again],
    } as const;
    expect(await ledger.store().append([appended])).toEqual({ status: 'duplicate', events: [] });

    const done = await archive();
    expect(done.filter(({ events }) => events > 0)).toMatchObject([{ shelf: 202506, events: 2, carried: 0 }]);
    expect(await whole()).toEqual(before);
    expect(await ledger.reader().readStream('alert', dead)).toEqual(history);
    expect(await append(dead, 1)).toMatchObject([{ version: 8 }]);
    before = await whole();
  });

  it('is found when somebody has changed the file', async () => {
    const problems = async () => (await checkArchives(ledger.archivist(), folder)).map(({ problem }) => problem);
    expect(await problems()).toEqual([null, null, null, null]);
    const path = join(folder, `alert-${OLD[0]}.ndjson.gz`);
    const kept = readFileSync(path);
    const changed = Buffer.from(kept);
    changed[kept.length - 20] = (changed[kept.length - 20] ?? 0) ^ 1;
    writeFileSync(path, changed);
    expect((await problems())[0]).toMatch(/./);
    writeFileSync(path, kept);
    expect((await problems())[0]).toBeNull();
  });
});
