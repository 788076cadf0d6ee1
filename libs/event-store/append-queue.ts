import type { AppendGroup } from './port';
import type { GroupResult } from './append-groups';

interface Waiting {
  readonly group: AppendGroup;
  readonly resolve: (result: GroupResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Statements of single appends that run at once; what comes meanwhile goes together into the next. */
const LANES = 2;
/** More in one statement gains nothing, and makes everyone in it wait for the slowest. */
const MAX_GROUPS = 200;

/**
 * Group commit: appends that arrive while others are being written are written together, in one statement and one
 * flush of the log. Alone, an append is written at once.
 */
export class AppendQueue {
  private waiting: Waiting[] = [];
  private running = 0;
  private scheduled = false;

  constructor(private readonly appendAll: (groups: readonly AppendGroup[]) => Promise<GroupResult[]>) {}

  append(group: AppendGroup): Promise<GroupResult> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ group, resolve, reject });
      this.schedule();
    });
  }

  /** After the present turn, so that appends which the same answer sets off share a statement. */
  private schedule(): void {
    if (this.scheduled || this.running >= LANES) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.waiting.length === 0 || this.running >= LANES) return;
    const batch = this.waiting.splice(0, MAX_GROUPS);
    this.running += 1;
    void this.write(batch).finally(() => {
      this.running -= 1;
      if (this.waiting.length > 0) this.schedule();
    });
    if (this.waiting.length > 0) this.schedule();
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.appendAll(batch.map(({ group }) => group));
      batch.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result) resolve(result);
        else reject(new Error(`group ${index} of an append had no result`));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
