import { toDomainError } from '#libs/service';
import type { Account, Receipt } from '../read/account';

/** So many receipts are written at once: more would keep what comes after them waiting. */
const MOST_AT_ONCE = 2_000;

interface Entry {
  readonly receipts: readonly Receipt[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The one way of this process to the account. What several tell at once is written together, one transaction after the
 * other: the sums of a source are a row that everybody changes, and several transactions would wait for each other's
 * commits on it.
 */
export class ReceiptBook {
  private readonly waiting: Entry[] = [];
  private isWriting = false;

  constructor(private readonly account: Pick<Account, 'add'>) {}

  /**
   * In the account, durably, when the promise resolves.
   * @throws DomainError `database_unavailable`; `internal` for what the database does not take.
   */
  enter(receipts: readonly Receipt[]): Promise<void> {
    if (receipts.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.waiting.push({ receipts, resolve, reject });
      if (!this.isWriting) void this.writeAll();
    });
  }

  private async writeAll(): Promise<void> {
    this.isWriting = true;
    // What is told in the same turn of the event loop goes together.
    await Promise.resolve();
    while (this.waiting.length > 0) await this.write(this.next());
    this.isWriting = false;
  }

  /** At least one of those who wait, and as many as are written at once. */
  private next(): Entry[] {
    let count = 0;
    let end = 0;
    while (end < this.waiting.length && count < MOST_AT_ONCE) count += this.waiting[end++]?.receipts.length ?? 0;
    return this.waiting.splice(0, end);
  }

  private async write(entries: readonly Entry[]): Promise<void> {
    try {
      await this.account.add(entries.flatMap(({ receipts }) => receipts));
      for (const { resolve } of entries) resolve();
    } catch (error) {
      const failure = toDomainError(error);
      if (entries.length === 1 || failure.code === 'database_unavailable') {
        for (const { reject } of entries) reject(failure);
        return;
      }
      // One that cannot be written costs the others nothing.
      for (const entry of entries) await this.write([entry]);
    }
  }
}
