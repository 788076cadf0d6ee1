import { SERVICES } from '#contracts/envelope';
import { newId } from '#libs/kernel';
import { OLD, useArchivedLedger } from './archived-ledger.fixture';
import { aliveOn, cutOf } from './shelf-plan';

const ledger = useArchivedLedger();
const { append, cover } = ledger;
const [SHELF, OTHER] = OLD;

describe('what the archivist may do (invariant 2)', () => {
  const [dead, alive] = [`alert-${newId()}`, `alert-${newId()}`];
  const EMPTY = Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex');

  /** What a dishonest archivist might call: right in all but what is given. */
  async function dropShelf(given: Record<string, unknown> = {}): Promise<unknown> {
    const cut = await cutOf(ledger.archivist(), 400);
    const { rows } = await ledger.archivist().query<{ hashes: Buffer; events: string }>(
      `select sha256(string_agg(hash, '' order by tx, position)) as hashes, count(*) as events
         from ledger.events where category = 'alert' and shelf = $1 and stream = $2`,
      [SHELF, dead],
    );
    const { hashes = EMPTY, events = '0' } = rows[0] ?? {};
    const right = {
      category: 'alert',
      shelf: SHELF,
      cutoff: cut?.cutoff,
      checkpoint: cut?.checkpoint,
      carried: [alive],
    };
    const values = { ...right, file: 'a-file', sha256: EMPTY, events, hashes, ...given };
    return ledger
      .archivist()
      .query('select ledger.drop_shelf($1, $2, $3, $4, $5, $6, $7, $8, $9)', Object.values(values));
  }

  beforeAll(async () => {
    await append('case-1', 1, undefined, 'case');
    await cover();
    await append(dead, 3, SHELF);
    await append(alive, 1, SHELF);
    await append(alive, 1);
  });

  it.each([
    `insert into ledger.events (category, stream) values ('alert', 'x')`,
    `update ledger.events set data = '{}'`,
    'delete from ledger.events',
    'truncate ledger.events',
    `delete from ledger.events_alert_${SHELF}`,
    `truncate ledger.events_alert_${SHELF}`,
    `drop table ledger.events_alert_${SHELF}`,
    `alter table ledger.events_alert detach partition ledger.events_alert_${SHELF}`,
    `alter table ledger.events_alert detach partition ledger.events_alert_${SHELF} concurrently`,
    'alter table ledger.events disable trigger all',
    `insert into ledger.streams (category, stream, first_version, shelf) values ('alert', 'x', 1, 1)`,
    'update ledger.streams set shelf = 1',
    'delete from ledger.streams',
    `insert into ledger.shelves values ('alert', 1)`,
    'delete from ledger.shelves',
    `insert into ledger.archived_ids values ('alert', gen_random_uuid(), '1', 1)`,
    'delete from ledger.archives',
    'create table ledger.other (x int)',
    'create or replace function ledger.shelf_now() returns integer language sql as $$select 1$$',
    'set role countersign_owner',
    'set role countersign_case',
    'select * from svc_case.job',
  ])('refuses the archivist: %s', async (statement) => {
    await expect(ledger.archivist().query(statement)).rejects.toMatchObject({
      code: expect.stringMatching(/^42501$|^3F000$|^42P01$/),
    });
  });

  it.each(SERVICES)('lets %s archive nothing', async (service) => {
    const pool = ledger.postgres.pool(service);
    await expect(pool.query(`select ledger.note_archived('alert', $1, '{}')`, [SHELF])).rejects.toMatchObject({
      code: '42501',
    });
    await expect(
      pool.query(`select ledger.drop_shelf('alert', $1, now(), 1, '{}', 'f', '', 0, '')`, [SHELF]),
    ).rejects.toMatchObject({ code: '42501' });
  });

  it('drops no shelf that is not covered, old, noted and exported as it is', async () => {
    const says = (message: RegExp) => ({ message: expect.stringMatching(message) });
    await expect(dropShelf()).rejects.toMatchObject(says(/does not cover/));
    await expect(dropShelf({ checkpoint: 99 })).rejects.toMatchObject(says(/does not cover/));
    await cover();
    await expect(dropShelf()).rejects.toMatchObject(says(/not noted/));
    await expect(dropShelf({ carried: [] })).rejects.toMatchObject(says(/younger/));
    await expect(dropShelf({ events: 2 })).rejects.toMatchObject(says(/3 events, and not those/));
    await expect(dropShelf({ hashes: EMPTY })).rejects.toMatchObject(says(/3 events, and not those/));
    await expect(dropShelf({ shelf: 202401 })).rejects.toMatchObject(says(/no shelf 202401/));
    await expect(dropShelf({ category: 'case' })).rejects.toMatchObject(says(/no shelf/));
    await expect(dropShelf({ cutoff: new Date() })).rejects.toMatchObject(says(/too young/));
    await expect(dropShelf({ cutoff: '2025-01-20T00:00:00Z' })).rejects.toMatchObject(says(/too young/));
    const now = Number(new Date().toISOString().slice(0, 7).replace('-', ''));
    await expect(dropShelf({ shelf: now })).rejects.toMatchObject(says(/too young/));
  });

  it('drops none that was appended to meanwhile', async () => {
    const cut = await cutOf(ledger.archivist(), 400);
    if (!cut) throw new Error('there is no checkpoint');
    await ledger.archivist().query(`select ledger.note_archived('alert', $1, $2)`, [SHELF, [dead]]);
    await append(dead, 1);
    const { streams } = await aliveOn(ledger.archivist(), { category: 'alert', shelf: SHELF }, cut);
    expect(new Set(streams)).toEqual(new Set([dead, alive]));
    await expect(dropShelf()).rejects.toMatchObject({ code: '55000' });
    const { rowCount } = await ledger.archivist().query('select from ledger.events where shelf = $1', [SHELF]);
    expect(rowCount).toBe(6);
    expect((await ledger.store().heads('alert', [dead])).get(dead)).toMatchObject({ version: 4 });
  });

  it('makes others wait for half a second, and no longer, when somebody reads on', async () => {
    const pool = ledger.postgres.pool('ingest');
    const reading = await pool.connect();
    await reading.query('begin');
    await reading.query('select count(*) from ledger.events');
    const values = ['alert', OTHER, '2025-06-01T00:00:00Z', 1, [], 'f', EMPTY, 0, EMPTY];
    const dropping = ledger.archivist().query('select ledger.drop_shelf($1, $2, $3, $4, $5, $6, $7, $8, $9)', values);
    await expect(dropping).rejects.toMatchObject({ code: '55P03' });
    await append(`alert-${newId()}`, 1);
    await reading.query('commit');
    reading.release();
    await expect(
      ledger.archivist().query('select ledger.drop_shelf($1, $2, $3, $4, $5, $6, $7, $8, $9)', values),
    ).resolves.toBeDefined();
  });
});
