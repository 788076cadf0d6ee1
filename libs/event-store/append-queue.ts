import type { Origins } from '#libs/telemetry';
import type { AppendGroup } from './port';
import type { GroupResult } from './append-groups';

interface Waiting {
  readonly group: AppendGroup;
  readonly origins: Origins;
  readonly resolve: (result: GroupResult) => void;
  readonly reject: (error: unknown) => void;
}

/** More in one statement gains nothing, and makes everyone in it wait for the slowest. */
const MAX_GROUPS = 200;
/** What waits longer than this for the statement before it goes into one beside it, up to MAX_STATEMENTS. */
const PATIENCE_MS = 50;
const MAX_STATEMENTS = 3;

/**
 * Group commit: appends that arrive while others are being written are written together, in one statement and one
 * flush of the log. Alone, an append is written at once. A statement that is slow, because a rival's transaction holds
 * one of its streams, does not hold up the others.
 */
export class AppendQueue {
  private waiting: Waiting[] = [];
  private running = 0;
  private scheduled = false;
  private patience: NodeJS.Timeout | undefined;

  constructor(
    private readonly appendAll: (groups: readonly AppendGroup[], origins: Origins) => Promise<GroupResult[]>,
  ) {}

  append(group: AppendGroup, origins: Origins): Promise<GroupResult> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ group, origins, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.waiting.length === 0 || this.scheduled) return;
    if (this.running === 0) {
      this.scheduled = true;
      // After the present turn, so that appends which the same answer sets off share a statement.
      setImmediate(() => {
        this.scheduled = false;
        this.flush();
      });
    } else if (this.running < MAX_STATEMENTS) {
      this.patience ??= setTimeout(() => this.flush(), PATIENCE_MS);
    }
  }

  private flush(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
    const batch = this.waiting.splice(0, MAX_GROUPS);
    if (batch.length === 0) return;
    this.running += 1;
    void this.write(batch).finally(() => {
      this.running -= 1;
      this.schedule();
    });
    this.schedule();
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.appendAll(
        batch.map(({ group }) => group),
        batch.flatMap(({ origins }) => origins),
      );
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
