import { deterministicId } from '#libs/kernel';
import type { Receipt } from '../read/account';
import { ReceiptBook } from './receipt-book';

const receipt = (name: string): Receipt => ({
  receiptId: deterministicId('receipt', name),
  tenant: 'default',
  sourceId: deterministicId('source'),
  source: 'siem',
  receivedAt: '2026-11-24T14:00:00.000Z',
  outcome: 'pending',
});

/** An account whose writes end when they are told to. */
class SlowAccount {
  readonly writes: { readonly receipts: readonly Receipt[]; end(error?: Error): void }[] = [];

  add(receipts: readonly Receipt[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.writes.push({ receipts, end: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  }

  /** The next write, once it has begun. */
  async write(place: number) {
    for (let turn = 0; turn < 100 && this.writes.length <= place; turn += 1) await Promise.resolve();
    const write = this.writes[place];
    if (write === undefined) throw new Error(`there is no write ${place}`);
    return write;
  }
}

describe('the way to the account', () => {
  it('writes together what is told while another write is under way, in its order', async () => {
    const account = new SlowAccount();
    const book = new ReceiptBook(account);
    const first = book.enter([receipt('a')]);
    (await account.write(0)).receipts.map(({ receiptId }) => expect(receiptId).toBe(receipt('a').receiptId));
    const others = [book.enter([receipt('b'), receipt('c')]), book.enter([]), book.enter([receipt('d')])];
    await others[1];
    expect(account.writes).toHaveLength(1);
    account.writes[0]?.end();
    await first;
    expect((await account.write(1)).receipts).toEqual([receipt('b'), receipt('c'), receipt('d')]);
    account.writes[1]?.end();
    await Promise.all(others);
    expect(account.writes).toHaveLength(2);
  });

  it('tells each in turn once more than it writes at once have come', async () => {
    const account = new SlowAccount();
    const book = new ReceiptBook(account);
    const many = Array.from({ length: 1_500 }, (_, index) => receipt(String(index)));
    const entered = [book.enter(many), book.enter(many), book.enter(many)];
    expect((await account.write(0)).receipts).toHaveLength(3_000);
    account.writes[0]?.end();
    expect((await account.write(1)).receipts).toHaveLength(1_500);
    account.writes[1]?.end();
    await Promise.all(entered);
  });

  it('lets what cannot be written fail alone', async () => {
    const book = new ReceiptBook({
      add: async (receipts) => {
        if (receipts.some(({ source }) => source === 'poison')) throw new Error('invalid input syntax');
      },
    });
    const poison = book.enter([{ ...receipt('b'), source: 'poison' }]);
    const [before, failed, after] = await Promise.allSettled([
      book.enter([receipt('a')]),
      poison,
      book.enter([receipt('c')]),
    ]);
    expect([before.status, after.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'internal' } });
  });

  it('tells all of them of an outage at once, and goes on after it', async () => {
    let outage = true;
    let writes = 0;
    const book = new ReceiptBook({
      add: async () => {
        writes += 1;
        if (outage) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      },
    });
    const settled = await Promise.allSettled([book.enter([receipt('a')]), book.enter([receipt('b')])]);
    expect(writes).toBe(1);
    for (const one of settled) expect(one).toMatchObject({ reason: { code: 'database_unavailable' } });
    outage = false;
    await expect(book.enter([receipt('c')])).resolves.toBeUndefined();
  });
});
