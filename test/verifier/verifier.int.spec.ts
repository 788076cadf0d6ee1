import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { eventHash, type RecordedEvent } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { usePython } from '#libs/testing';
import { loadKeyPair } from '#libs/warrant';
import { useLedgerService } from '../../services/ledger/src/ledger-service.fixture';
import { type Change, whileTampered } from '../../services/ledger/src/tampering.fixture';
import { forgedLedger } from './forged-ledger';
import { kinds, type Knowing, useTwoVerifiers } from './two-verifiers';

/** How a superuser changes each column of an event: a byte of it, or as little as its type allows. */
const CHANGES: Record<string, string> = {
  category: `'dataset'`,
  stream: `stream || 'c'`,
  version: 'version + 100',
  id: `'01a20ea0-0000-7000-8000-00000000ffff'`,
  type: `'CaseNoteAddee'`,
  schema_version: 'schema_version + 1',
  tenant: `'defaulu'`,
  time: `time + interval '1 millisecond'`,
  actor: `jsonb_set(actor, '{id}', '"arnp"')`,
  data: `jsonb_set(data, '{text}', to_jsonb(upper(data->>'text')))`,
  meta: `jsonb_set(meta, '{correlationId}', '"tesu"')`,
  hash: 'set_byte(hash, 31, get_byte(hash, 31) # 1)',
  tx: '((tx::text::bigint - 1)::text)::xid8',
  position: 'position + 1000000',
};

const python = usePython();

python.describe('from an export, the root key and a later witness, two verifiers find who has all rights and', () => {
  const { postgres, keyFiles, cases, sign, note, asSuperuser, download } = useLedgerService();
  let folder: string;
  const verify = useTwoVerifiers({ python, rootKeyFile: () => keyFiles.rootPublicKeyFile, folder: () => folder });
  /** Over everything: case-a and case-b of another tenant by the first, case-c by the second, case-d by the third. */
  let witness: CheckpointSigned;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-verifier-'));
    for (const text of ['one', 'two']) await note('case-a', text);
    await note('case-b', 'three', 'other');
    await sign();
    for (const text of ['four', 'five', 'six']) await note('case-c', text);
    await sign();
    await note('case-d', 'seven');
    witness = await sign();
    expect(witness.sequence).toBe(3);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /**
   * The reports on what is exported after the changes, without the witness and with it. That somebody has exported it is
   * an event, too, which goes with the changes.
   */
  const found = (changes: readonly Change[], knowing: Knowing = {}) =>
    whileTampered(asSuperuser, changes, async () => {
      const text = await (await download('/v1/audit/export')).text();
      return { alone: await verify(text, knowing), witnessed: await verify(text, { ...knowing, witness }) };
    });
  const of = (stream: string, version: number) => `where stream = '${stream}' and version = ${version}`;
  const recorded = async (): Promise<readonly RecordedEvent[]> =>
    (await cases().readAfter(undefined, { limit: 1000 })).events;
  const written = ({ category, stream, version, data, hash }: RecordedEvent): Change => [
    `update ledger.events set data = $4, hash = decode($5, 'hex') where category = $1 and stream = $2 and version = $3`,
    [category, stream, version, JSON.stringify(data), hash],
  ];
  const completeTo = (sequence: number) =>
    expect.stringMatching(new RegExp(`^Complete to checkpoint ${sequence}, signed at 20\\d\\d-.*Z[;.]`));

  it('change nothing', async () => {
    const { alone, witnessed } = await found([]);
    expect(alone).toMatchObject({ verified: true, leaves: 1, summary: completeTo(3) });
    expect(witnessed).toMatchObject({ verified: true, witness: 'agrees', lastCheckpoint: witness });
    expect(witnessed.summary).toContain(', and the witness (checkpoint 3) agrees');
  });

  it('know every column', async () => {
    const { rows } = await postgres
      .ownerPool()
      .query<{ name: string }>(
        `select column_name as name from information_schema.columns where table_schema = 'ledger' and table_name = 'events'`,
      );
    // `shelf` says where a row lies, and nothing shows it.
    expect(rows.map(({ name }) => name).sort()).toEqual([...Object.keys(CHANGES), 'shelf'].sort());
  });

  const columns = Object.keys(CHANGES);
  /** No update can set `position`: the event goes, and is written again with other columns. */
  const rewritten = (stream: string, version: number, changed: Readonly<Record<string, string>>): Change[] => [
    [`delete from ledger.events ${of(stream, version)}`],
    [
      `insert into ledger.events (${columns.join(', ')}) overriding system value
       select ${columns.map((column) => changed[column] ?? column).join(', ')} from public.kept ${of(stream, version)}`,
    ],
  ];
  const changed = (column: string, version: number) =>
    found(rewritten('case-c', version, { [column]: CHANGES[column] ?? column }));

  it.each(columns)('change the %s of the first event of a stream', async (column) => {
    const { alone, witnessed } = await changed(column, 1);
    expect(alone).toMatchObject({ verified: false });
    expect(kinds(alone)).not.toEqual([]);
    expect(witnessed).toMatchObject({ verified: false });
  });

  const shown = columns.filter((column) => column !== 'tenant');
  it.each(shown)('change the %s of the last event of a stream', async (column) => {
    const { alone, witnessed } = await changed(column, 3);
    expect(alone).toMatchObject({ verified: false });
    expect(kinds(alone)).not.toEqual([]);
    expect(witnessed).toMatchObject({ verified: false });
  });

  it('give the last event of a stream to another tenant: a hash alone, which takes to know that there is one', async () => {
    const hidden = rewritten('case-c', 3, { tenant: `'defaulu'` });
    const { witnessed } = await found(hidden);
    expect(witnessed.summary).toMatch(/; 2 events of other tenants known by the hash alone\.$/);
    const told = await found(hidden, { singleTenant: true });
    expect(kinds(told.alone)).toEqual(['hidden_event', 'hidden_event']);
  });

  it('remove an event, in the middle of a stream or at its end', async () => {
    const middle = await found([[`delete from ledger.events ${of('case-c', 2)}`]]);
    expect(kinds(middle.alone)).toEqual(expect.arrayContaining(['missing_versions', 'checkpoint_size']));
    const end = await found([[`delete from ledger.events ${of('case-c', 3)}`]]);
    expect(end.alone).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(end.alone)).toContain('checkpoint_size');
    expect(end.witnessed).toMatchObject({ verified: false, witness: 'contradicts' });
  });

  it('remove a stream', async () => {
    const { alone, witnessed } = await found([[`delete from ledger.events where stream = 'case-c'`]]);
    expect(alone).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(alone)).toContain('checkpoint_size');
    expect(witnessed).toMatchObject({ verified: false, witness: 'contradicts' });
  });

  it('remove a stream and the checkpoint over it, which takes the witness', async () => {
    const { alone, witnessed } = await found([
      [`delete from ledger.events where stream = 'case-d'`],
      [`delete from ledger.events ${of('checkpoint-log', 3)}`],
    ]);
    expect(alone).toMatchObject({ verified: true, summary: completeTo(2) });
    expect(kinds(witnessed)).toEqual(['witness_size']);
  });

  it('cut the tail off, with the checkpoints in it, which takes the witness', async () => {
    const [first] = (await recorded()).filter(({ stream }) => stream === 'checkpoint-log');
    const { alone, witnessed } = await found([
      [`delete from ledger.events where tx > $1::text::xid8`, [first?.tx]],
      [`delete from ledger.events where tx = $1::text::xid8 and position > $2`, [first?.tx, first?.position]],
    ]);
    expect(alone).toMatchObject({ verified: true, summary: completeTo(1) });
    expect(witnessed).toMatchObject({ verified: false, witness: 'contradicts' });
    expect(kinds(witnessed)).toEqual(['witness_size']);
  });

  it('swap two events: their versions, their places, or the places of two streams', async () => {
    type Event = readonly [stream: string, version: number];
    const at = (column: string, event: Event) => `(select ${column} from public.kept ${of(...event)})`;
    const placed = (one: Event, other: Event) =>
      rewritten(...one, { tx: at('tx', other), position: at('position', other) });
    const exchange = (one: Event, other: Event) => [...placed(one, other), ...placed(other, one)];
    const versions = await found([
      [`update ledger.events set version = 1000 ${of('case-c', 1)}`],
      [`update ledger.events set version = 1 ${of('case-c', 2)}`],
      [`update ledger.events set version = 2 ${of('case-c', 1000)}`],
    ]);
    expect(kinds(versions.alone)).toEqual(expect.arrayContaining(['missing_versions', 'repeated_version']));
    const places = await found(exchange(['case-c', 1], ['case-c', 2]));
    expect(kinds(places.alone)).toEqual(expect.arrayContaining(['missing_versions', 'checkpoint_root']));
    const streams = await found(exchange(['case-a', 2], ['case-c', 1]));
    expect(streams.alone).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(streams.alone)).toContain('checkpoint_root');
    expect(kinds(streams.witnessed)).toContain('witness_root');
  });

  it('insert an event, with a chain that holds', async () => {
    const [first] = await cases().readStream('case', 'case-c');
    if (!first) throw new Error('the stream has lost its events');
    const forged = { ...first, stream: 'case-inserted', id: newId() };
    const { alone, witnessed } = await found([
      [
        `insert into ledger.events (stream, id, hash, position, category, version, type, schema_version, tenant, time,
           actor, data, meta, tx) overriding system value
         select $1, $2, decode($3, 'hex'), position + 1000000, category, version, type, schema_version, tenant, time,
           actor, data, meta, tx from ledger.events ${of('case-c', 1)}`,
        [forged.stream, forged.id, eventHash(forged, '')],
      ],
    ]);
    expect(alone).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(alone)).toContain('checkpoint_root');
    expect(kinds(witnessed)).toContain('witness_root');
  });

  const changeText = (stream: string) => (event: RecordedEvent) =>
    event.stream === stream && event.version === 1 ? { ...event, data: { ...event.data, text: 'nothing' } } : event;

  it('write a chain anew, with hashes that fit', async () => {
    const forged = forgedLedger(await recorded(), changeText('case-c')).filter(({ stream }) => stream === 'case-c');
    const { alone, witnessed } = await found(forged.map(written));
    expect(alone).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(alone)).toContain('checkpoint_root');
    expect(kinds(witnessed)).toContain('witness_root');
  });

  it('write the whole ledger anew, and sign it with the stolen key for checkpoints, which takes the witness', async () => {
    const signer = await loadKeyPair(keyFiles, 'checkpoint');
    const { alone, witnessed } = await found(forgedLedger(await recorded(), changeText('case-a'), signer).map(written));
    expect(alone).toMatchObject({ verified: true, summary: completeTo(3) });
    expect(kinds(witnessed)).toEqual(['witness_root']);
  });

  it('remove a checkpoint, be it the last or not', async () => {
    const middle = await found([[`delete from ledger.events ${of('checkpoint-log', 2)}`]]);
    expect(kinds(middle.alone)).toEqual(
      expect.arrayContaining(['missing_versions', 'checkpoint_chain', 'checkpoint_size']),
    );
    const last = await found([[`delete from ledger.events ${of('checkpoint-log', 3)}`]]);
    expect(last.alone).toMatchObject({ verified: false, problems: [], chains: 'ok', summary: completeTo(2) });
    expect(last.alone.summary).toContain('; 1 event after it in no checkpoint yet');
    expect(kinds(last.witnessed)).toEqual(['witness_missing']);
    const all = await found([[`delete from ledger.events where category = 'checkpoint'`]]);
    expect(all.alone).toMatchObject({ verified: false, lastCheckpoint: null });
    expect(kinds(all.witnessed)).toEqual(['witness_signature']);
  });

  it('remove a checkpoint, and number those after it anew', async () => {
    const events = await recorded();
    const kept = events.filter(({ stream, version }) => stream !== 'checkpoint-log' || version !== 2);
    const [third] = forgedLedger(kept, (event) =>
      event.stream === 'checkpoint-log' && event.version === 3 ? { ...event, version: 2 } : event,
    ).filter(({ stream, version }) => stream === 'checkpoint-log' && version === 2);
    const { alone } = await found([
      [`delete from ledger.events ${of('checkpoint-log', 2)}`],
      [`update ledger.events set version = 2, hash = decode($1, 'hex') ${of('checkpoint-log', 3)}`, [third?.hash]],
    ]);
    expect(alone).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(alone)).toEqual(expect.arrayContaining(['checkpoint_chain', 'checkpoint_size']));
  });
});
