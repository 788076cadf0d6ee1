import type { AuditReport } from '#contracts/audit';
import { eventHash } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { useLedgerService } from './ledger-service.fixture';
import { type Change, whileTampered } from './tampering.fixture';

const { cases, start, verify, sign, signAt, note, asSuperuser } = useLedgerService();

/** Verifies a ledger that somebody has changed, which is put back afterwards. */
const tampered = (...changes: readonly Change[]): Promise<AuditReport> =>
  whileTampered(asSuperuser, changes, () => verify());
const kinds = ({ chains, problems }: AuditReport): string[] => [
  ...(chains === 'ok' ? [] : chains.map(({ kind }) => kind)),
  ...problems.map(({ kind }) => kind),
];

describe('whoever has all rights on the database is found when they', () => {
  beforeAll(async () => {
    for (const text of ['four', 'five']) await note('case-c', text);
    await sign();
    await note('case-d', 'six');
    await sign();
  });
  afterEach(async () => {
    expect(await verify()).toMatchObject({ verified: true });
  });
  const of = (stream: string, version: number) => `where stream = '${stream}' and version = ${version}`;

  it('change a byte', async () => {
    const report = await tampered([
      `update ledger.events set data = jsonb_set(data::jsonb, '{text}', '"fovr"') ${of('case-c', 1)}`,
    ]);
    expect(report.verified).toBe(false);
    expect(kinds(report)).toEqual(['hash_mismatch']);
  });

  it('remove an event', async () => {
    const report = await tampered([`delete from ledger.events ${of('case-c', 1)}`]);
    expect(report.verified).toBe(false);
    expect(kinds(report)).toEqual(expect.arrayContaining(['missing_versions', 'checkpoint_size']));
  });

  it('remove a stream', async () => {
    const report = await tampered([`delete from ledger.events where stream = 'case-c'`]);
    expect(kinds(report)).toEqual(expect.arrayContaining(['checkpoint_size']));
  });

  it('cut the end off, with the checkpoints in it', async () => {
    const { lastCheckpoint } = await verify();
    const report = await tampered([
      `delete from ledger.events where stream = 'case-d' or (stream = 'checkpoint-log' and version >= $1)`,
      [lastCheckpoint?.sequence],
    ]);
    expect(report).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(report)).toEqual(['tail_missing']);
  });

  it('swap two events', async () => {
    const report = await tampered(
      [`update ledger.events set version = 1000 ${of('case-c', 1)}`],
      [`update ledger.events set version = 1 ${of('case-c', 2)}`],
      [`update ledger.events set version = 2 ${of('case-c', 1000)}`],
    );
    expect(kinds(report)).toEqual(['missing_versions', 'repeated_version']);
  });

  it('insert an event, with a chain that holds', async () => {
    const [first] = await cases().readStream('case', 'case-c');
    if (!first) throw new Error('the stream has lost its events');
    const forged = { ...first, stream: 'case-inserted', id: newId() };
    const insert = (position: string) =>
      `insert into ledger.events (stream, id, hash, position, category, version, type, schema_version, tenant, time,
         actor, data, meta, tx) overriding system value
       select $1, $2, decode($3, 'hex'), ${position}, category, version, type, schema_version, tenant, time,
         actor, data, meta, tx from ledger.events ${of('case-c', 1)}`;
    const values = [forged.stream, forged.id, eventHash(forged, '')];
    for (const position of ['position + 1000000', '-position']) {
      const report = await tampered([insert(position), values]);
      expect(report).toMatchObject({ verified: false, chains: 'ok' });
      expect(kinds(report)).toContain('checkpoint_root');
    }
  });

  it('write a chain anew, so that it holds', async () => {
    const [first, second] = await cases().readStream('case', 'case-c');
    if (!first || !second) throw new Error('the stream has lost its events');
    const forged = { ...first, data: { ...first.data, text: 'nothing happened' } };
    const firstHash = eventHash(forged, '');
    const set = (version: number) =>
      `update ledger.events set data = $1, hash = decode($2, 'hex') ${of('case-c', version)}`;
    const report = await tampered(
      [set(1), [JSON.stringify(forged.data), firstHash]],
      [set(2), [JSON.stringify(second.data), eventHash(second, firstHash)]],
    );
    expect(report).toMatchObject({ verified: false, chains: 'ok' });
    expect(kinds(report)).toContain('checkpoint_root');
  });

  it('get the ledger to sign over it', async () => {
    const change = `delete from ledger.events where stream = 'case-c'; delete from svc_ledger.tree_state`;
    await whileTampered(asSuperuser, [[change]], async () => {
      const other = await start();
      const answer = await signAt(other);
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ code: 'ledger_damaged' });
      await other.stop();
    });
  });
});
