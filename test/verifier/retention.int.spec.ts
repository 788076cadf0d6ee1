import fc from 'fast-check';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { InclusionProof } from '#contracts/proof';
import { verifyProof } from '#libs/audit';
import { migrateLedger, NO_STREAM, type RecordedEvent, type StreamHead } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { runArchive, verifyArchives } from '#libs/local';
import type { RunningService } from '#libs/service';
import { usePython } from '#libs/testing';
import { Client } from 'pg';
import { useLedgerService } from '../../services/ledger/src/ledger-service.fixture';
import { kinds, useTwoVerifiers } from './two-verifiers';

const python = usePython();

/** What one step of a history is: so many events for a stream, in a month of long ago. */
interface Append {
  readonly stream: number;
  readonly events: number;
}

python.describe('a ledger of which old history was archived, exported as a whole', () => {
  const { postgres, keyFiles, cases, start, headersFor, note } = useLedgerService();
  const folder = mkdtempSync(join(tmpdir(), 'countersign-retention-'));
  const archives = join(folder, 'archives');
  const verify = useTwoVerifiers({ python, rootKeyFile: () => keyFiles.rootPublicKeyFile, folder: () => folder });
  let reading: RunningService;

  const asOwner = async (work: (client: Client) => Promise<unknown>): Promise<void> => {
    const client = new Client({ connectionString: postgres.ownerUrl });
    await client.connect();
    await work(client).finally(() => client.end());
  };
  const setMonth = (month?: number) =>
    asOwner((client) =>
      client.query(`create or replace function ledger.shelf_now() returns integer language sql stable parallel safe as
        $$select ${month ?? `to_char(clock_timestamp() at time zone 'utc', 'YYYYMM')::integer`}$$`),
    );

  beforeAll(async () => {
    reading = await start({ LEDGER_ARCHIVE: archives });
  });
  afterAll(async () => {
    await reading?.stop();
    rmSync(folder, { recursive: true });
  });

  const ask = async (path: string, method = 'GET') =>
    fetch(`${reading.url}${path}`, { method, headers: await headersFor('audrey') });
  const sign = async (): Promise<CheckpointSigned> =>
    JSON.parse(await (await ask('/v1/audit/checkpoints', 'POST')).text());
  const exported = async (): Promise<string> => (await ask('/v1/audit/export')).text();
  const lines = (text: string): string[] => text.split('\n').slice(1, -2);

  async function append(stream: string, events: number, month: number): Promise<readonly RecordedEvent[]> {
    await setMonth(month);
    const expected = (await cases().heads('alert', [stream])).get(stream) ?? NO_STREAM;
    const time = `${Math.floor(month / 100)}-${String(month % 100).padStart(2, '0')}-10T00:00:00.000Z`;
    const result = await cases().append([
      {
        ...{ category: 'alert', stream, tenant: 'default', expected: expected satisfies StreamHead },
        events: Array.from({ length: events }, () => ({
          ...{ id: newId(), type: 'AlertDuplicated', schemaVersion: 1, time, actor: { kind: 'service', id: 'case' } },
          ...{ data: { text: 'ü \u2028 "seen"' }, meta: { correlationId: 'c-1' } },
        })),
      },
    ]);
    await setMonth();
    if (result.status !== 'appended') throw new Error(result.status);
    return result.events;
  }
  /** The ledger's service makes an event of each archive by itself, which no checkpoint of before covers. */
  async function untilRecorded(): Promise<void> {
    for (const until = Date.now() + 20_000; ; await new Promise((done) => setTimeout(done, 50))) {
      const missing = await postgres.ownerPool().query(
        `select from ledger.archives a where not exists (
           select from ledger.events e where e.stream = 'audit-archive' and e.data->>'file' = a.file)`,
      );
      if (missing.rowCount === 0) return;
      if (Date.now() > until) throw new Error('an archive has no event');
    }
  }
  const archive = () => runArchive({ url: postgres.archivistUrl, keepDays: 400, folder: archives });

  const aHistory = fc.array(
    fc.record<Append>({ stream: fc.integer({ min: 0, max: 5 }), events: fc.integer({ min: 1, max: 4 }) }),
    { minLength: 5, maxLength: 15 },
  );

  it('verifies as it did before, however streams went on and were archived again', async () => {
    let year = 2020;
    await fc.assert(
      fc.asyncProperty(aHistory, aHistory, async (first, second) => {
        const prefix = `alert-${newId()}`;
        for (const history of [first, second]) {
          year += 1;
          const month = year * 100 + 1;
          await setMonth(month);
          await asOwner((client) => migrateLedger(client));
          for (const [index, { stream, events }] of history.entries()) {
            await append(`${prefix}-${stream}`, events, month + Math.floor((index * 3) / history.length));
            if (index % 5 === 0) await note('case-a', `between ${index}`);
          }
          await sign();
          const before = await exported();
          expect(await verify(before)).toMatchObject({ verified: true });
          const archived = await archive();
          expect(archived.reduce((sum, shelf) => sum + shelf.events, 0)).toBe(
            history.reduce((sum, { events }) => sum + events, 0),
          );
          await untilRecorded();
          const witness = await sign();
          const after = await exported();
          expect(lines(after).slice(0, lines(before).length)).toEqual(lines(before));
          expect(await verify(after, { witness })).toMatchObject({ verified: true, witness: 'agrees' });
        }
      }),
      { numRuns: 2, endOnFailure: true },
    );
    const { rowCount } = await postgres.ownerPool().query(`select from ledger.events where category = 'alert'`);
    expect(rowCount).toBe(0);
    expect(
      (await verifyArchives({ url: postgres.archivistUrl, folder: archives })).map(({ problem }) => problem),
    ).toEqual(expect.not.arrayContaining([expect.any(String)]));
  }, 240_000);

  it('makes an event of each file, once', async () => {
    await untilRecorded();
    const twice = await postgres
      .ownerPool()
      .query(`select from ledger.events where stream = 'audit-archive' group by data->>'number' having count(*) > 1`);
    expect(twice.rowCount).toBe(0);
  });

  it('proves an archived event, and tells its story', async () => {
    const text = await exported();
    const [event] = lines(text)
      .map((line) => JSON.parse(line))
      .filter(({ category }) => category === 'alert');
    const answer = await ask(`/v1/audit/proofs/events/${event.id}`);
    expect(answer.status).toBe(200);
    const proof: InclusionProof = JSON.parse(await answer.text());
    const rootPublicKey = createPublicKey(readFileSync(keyFiles.rootPublicKeyFile));
    expect(verifyProof(proof, { rootPublicKey })).toMatchObject({ verified: true });
    const events = JSON.parse(await (await ask(`/v1/streams/${event.stream}/events`)).text());
    expect(events.items[0]).toMatchObject({ id: event.id, version: 1 });
  });

  it('is refused by who has not the archives, and says which file is missing', async () => {
    const bare = await start();
    const headers = await headersFor('audrey');
    const [first] = (await postgres.ownerPool().query('select file from ledger.archives order by number')).rows;
    for (const path of ['/v1/audit/export', '/v1/audit/verify']) {
      const answer = await fetch(`${bare.url}${path}`, { headers });
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({
        code: 'history_archived',
        detail: expect.stringContaining(first.file),
      });
    }
    await bare.stop();
  });

  it('is found to be forged when somebody has changed an archive', async () => {
    const [first] = (await postgres.ownerPool().query('select file from ledger.archives order by number')).rows;
    const [file, manifest] = [join(archives, first.file), join(archives, first.file.replace('.ndjson.gz', '.json'))];
    const kept = [readFileSync(file), readFileSync(manifest)] as const;
    const forged = gzipSync(gunzipSync(kept[0]).toString('utf8').replace('seen', 'sern'));
    const told = JSON.parse(kept[1].toString('utf8'));
    writeFileSync(file, forged);
    writeFileSync(manifest, JSON.stringify({ ...told, members: [{ ...told.members[0], bytes: forged.length }] }));
    const again = await start({ LEDGER_ARCHIVE: archives });
    const answer = await fetch(`${again.url}/v1/audit/export`, { headers: await headersFor('audrey') });
    const report = await verify(await answer.text());
    expect(report.verified).toBe(false);
    expect(kinds(report)).toContain('hash_mismatch');
    const checked = await verifyArchives({ url: postgres.archivistUrl, folder: archives });
    expect(checked[0]?.problem).toMatch(/does not have its hash/);
    await again.stop();
    writeFileSync(file, kept[0]);
    writeFileSync(manifest, kept[1]);
  });
});
