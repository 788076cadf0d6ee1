import { DataSource } from 'typeorm';
import type { AccountCounts } from '#contracts/http/ingest';
import { deterministicId } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { service as ingest } from '../service';
import { Account, type Receipt } from './account';

const postgres = useMigratedPostgres(ingest);
let database: DataSource;
let account: Account;

beforeAll(async () => {
  database = await new DataSource({ type: 'postgres', url: postgres.urlFor('ingest'), extra: { max: 6 } }).initialize();
  account = new Account(database);
});
afterAll(() => database.destroy());

const OUTCOMES = ['new', 'updated', 'duplicate', 'grouped', 'rejected'] as const;

const receipts = (source: string, count: number): Receipt[] =>
  Array.from({ length: count }, (_, index) => ({
    receiptId: deterministicId('receipt', source, index),
    tenant: 'default',
    sourceId: deterministicId('source', source),
    source,
    receivedAt: '2026-11-24T14:00:00.000Z',
    outcome: OUTCOMES[index % OUTCOMES.length] ?? 'new',
  }));

/** The same as their receptions tell of them. */
const pending = (receipts: readonly Receipt[]): Receipt[] =>
  receipts.map((receipt) => ({ ...receipt, outcome: 'pending' }));

async function countsOf(source: string): Promise<Omit<AccountCounts, never> | undefined> {
  const { sources } = await account.read('default');
  const row = sources.find((candidate) => candidate.source === source);
  if (row === undefined) return undefined;
  const { sourceId: _, source: __, ...counts } = row;
  return counts;
}

const nothing = { received: 0, new: 0, updated: 0, duplicate: 0, grouped: 0, suppressed: 0, rejected: 0, pending: 0 };

describe('the account', () => {
  it('is pending first, then decided, and the same after every redelivery', async () => {
    const all = receipts('in-order', 10);
    await account.add(pending(all));
    await account.add(pending([...all, ...all]));
    expect(await countsOf('in-order')).toEqual({ ...nothing, received: 10, pending: 10 });
    await account.add(all.slice(0, 5));
    await account.add(all.slice(0, 5));
    await account.add(pending(all));
    expect(await countsOf('in-order')).toEqual({
      ...nothing,
      ...{ received: 10, new: 1, updated: 1, duplicate: 1, grouped: 1, rejected: 1, pending: 5 },
    });
  });

  it('forgets old receipts once they are decided, and no sum', async () => {
    const old = receipts('old', 10).map((receipt) => ({ ...receipt, receivedAt: '2026-01-01T00:00:00.000Z' }));
    const recent = receipts('recent', 5).map((receipt) => ({ ...receipt, receivedAt: new Date().toISOString() }));
    await account.add(pending(old));
    await account.add([...old.slice(0, 5), ...recent]);
    const before = [await countsOf('old'), await countsOf('recent')];
    await account.forget();
    expect([await countsOf('old'), await countsOf('recent')]).toEqual(before);
    const { rows } = await postgres
      .ownerPool()
      .query<{ source_id: string; left: number }>(
        `select source_id, count(*)::integer as left from svc_ingest.receipt where source_id = any($1) group by source_id`,
        [[old[0]?.sourceId, recent[0]?.sourceId]],
      );
    const left = new Map(rows.map((row) => [row.source_id, row.left]));
    expect([left.get(old[0]?.sourceId ?? ''), left.get(recent[0]?.sourceId ?? '')]).toEqual([5, 5]);
    await account.add(old.slice(5));
    expect(await countsOf('old')).toMatchObject({ received: 10, pending: 0 });
  });

  it('is the same when outcomes come first', async () => {
    const all = receipts('out-of-order', 10);
    await account.add(all);
    expect(await countsOf('out-of-order')).toMatchObject({ received: 10, new: 2, pending: 0 });
    await account.add(pending(all));
    expect(await countsOf('out-of-order')).toMatchObject({ received: 10, new: 2, pending: 0 });
  });

  it('keeps the first outcome of a receipt', async () => {
    const [receipt] = receipts('decided-twice', 1);
    if (receipt === undefined) throw new Error('no receipt');
    await account.add([receipt]);
    await account.add([{ ...receipt, outcome: 'rejected' }]);
    expect(await countsOf('decided-twice')).toEqual({ ...nothing, received: 1, new: 1 });
  });

  it('counts a receipt once whose reception and outcome are told at once, by its outcome', async () => {
    const all = receipts('at-once', 5);
    await account.add([
      ...pending(all),
      ...all,
      ...pending(all),
      ...all.map((one) => ({ ...one, outcome: 'rejected' as const })),
    ]);
    expect(await countsOf('at-once')).toEqual({
      ...nothing,
      ...{ received: 5, new: 1, updated: 1, duplicate: 1, grouped: 1, rejected: 1 },
    });
  });

  it('balances at all times while many write at once, in any order, and loses nothing to deadlocks', async () => {
    const all = receipts('busy', 2_000);
    const slices = Array.from({ length: 20 }, (_, index) => all.filter((_receipt, at) => at % 20 === index).reverse());
    let writing = true;
    const watching = (async () => {
      while (writing) {
        const { received = 0, ...rest } = (await countsOf('busy')) ?? nothing;
        expect(received).toBe(Object.values(rest).reduce((sum, count) => sum + count, 0));
      }
    })();
    await Promise.all(
      slices.flatMap((slice, index) => [
        account.add(pending([...slice, ...(slices[(index + 1) % 20] ?? [])])),
        account.add([...slice, ...(slices[(index + 7) % 20] ?? [])]),
      ]),
    );
    writing = false;
    await watching;
    expect(await countsOf('busy')).toEqual({
      ...nothing,
      ...{ received: 2_000, new: 400, updated: 400, duplicate: 400, grouped: 400, rejected: 400 },
    });
  });

  it('shows a tenant its own sources only', async () => {
    await account.add(pending(receipts('theirs', 1).map((receipt) => ({ ...receipt, tenant: 'other' }))));
    const { sources, total } = await account.read('other');
    expect(sources.map(({ source }) => source)).toEqual(['theirs']);
    expect(total.received).toBe(1);
    expect((await account.read('nobody')).sources).toEqual([]);
  });
});
