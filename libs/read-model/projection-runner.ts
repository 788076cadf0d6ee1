import { CalmReader, type EventPage, type EventStore, type RecordedEvent } from '#libs/event-store';
import { WakeSignal } from '#libs/kernel';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { covers, CheckpointTable, type Checkpoint } from './checkpoint';
import type { Projection } from './projection';
import { type SharedPages, withSharedPages } from './shared-pages';
import { ALL_TENANTS, setTenant } from './tenant';

export interface ProjectionRunnerOptions {
  readonly store: EventStore;
  readonly database: DataSource;
  /** The service's schema, `svc_<service>`. */
  readonly schema: string;
  readonly projections: readonly Projection[];
  readonly logger: Logger;
  /** Events applied in one transaction, at most. */
  readonly batch?: number;
  /** Milliseconds between looks when nothing woke it. */
  readonly pollMs?: number;
}

const BATCH = 500;
const LONGEST_BACK_OFF_MS = 10_000;
/** After so long even an idle read model looks at its checkpoint: another may have moved it, or emptied the tables. */
const LONGEST_CALM_MS = 2_000;

/** Somebody else moved the checkpoint first: their rows stand, ours are rolled back. */
class Overtaken extends Error {}

/** Keeps a service's read models in step with the ledger, each at its own pace, on any number of instances. */
export class ProjectionRunner {
  private readonly followers: Follower[];

  constructor(private readonly options: ProjectionRunnerOptions) {
    const { store, projections, batch = BATCH } = options;
    this.followers = withSharedPages(new CalmReader(store), projections, batch).map(
      ([projection, pages]) => new Follower(projection, options, pages),
    );
  }

  start(): void {
    for (const follower of this.followers) follower.start();
  }

  /** Finishes the transactions in hand. */
  async stop(): Promise<void> {
    await Promise.all(this.followers.map((follower) => follower.stop()));
  }

  /**
   * Waits until every read model has applied `events` (as an append returned them), so that a caller can read what it
   * has just written. False when that took longer than `timeoutMs`.
   */
  async caughtUpWith(events: readonly RecordedEvent[], timeoutMs = 5_000): Promise<boolean> {
    const outcomes = await Promise.all(this.followers.map((follower) => follower.reached(events, timeoutMs)));
    return outcomes.every(Boolean);
  }

  /** By projection: the trouble it is stuck with; empty when all is well. */
  troubles(): Record<string, string> {
    return Object.fromEntries(
      this.followers.flatMap((follower) => (follower.trouble ? [[follower.name, follower.trouble]] : [])),
    );
  }

  /** By projection: for how many seconds it has not been level with the ledger. */
  lags(): Record<string, number> {
    return Object.fromEntries(this.followers.map((follower) => [follower.name, follower.lagSeconds]));
  }

  names(): string[] {
    return this.followers.map((follower) => follower.name);
  }
}

class Follower {
  readonly name: string;
  trouble: string | undefined;
  private readonly checkpoints: CheckpointTable;
  private readonly pollMs: number;
  private running: Promise<void> | undefined;
  private stopping = false;
  private readonly news = new WakeSignal();
  private unsubscribe: () => void = () => undefined;
  private readonly progress = new Set<() => void>();
  private reachedCheckpoint: Checkpoint | undefined;
  private levelAt: number | undefined;
  /** The checkpoint after which there was nothing. */
  private calm: { readonly at: Checkpoint; readonly until: number } | undefined;

  constructor(
    private readonly projection: Projection,
    private readonly options: ProjectionRunnerOptions,
    private readonly pages: SharedPages,
  ) {
    this.name = projection.name;
    this.checkpoints = new CheckpointTable(options.schema);
    this.pollMs = options.pollMs ?? 250;
  }

  start(): void {
    if (this.running) return;
    this.stopping = false;
    this.levelAt = performance.now();
    this.unsubscribe = this.options.store.onAppended((categories) => {
      if (categories.some((category) => this.projection.categories.includes(category))) this.news.wake();
    });
    this.running = this.follow();
  }

  /** It looks for news every `pollMs`: less than twice that is none. */
  get lagSeconds(): number {
    const since = performance.now() - (this.levelAt ?? performance.now());
    return since < 2 * this.pollMs ? 0 : since / 1000;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.unsubscribe();
    this.news.wake();
    await this.running;
    this.pages.clear();
    this.running = undefined;
  }

  async reached(events: readonly RecordedEvent[], timeoutMs: number): Promise<boolean> {
    const awaited = events.filter((event) => this.projection.categories.includes(event.category));
    const isReached = () => {
      const checkpoint = this.reachedCheckpoint;
      return checkpoint !== undefined && awaited.every((event) => covers(checkpoint, event));
    };
    if (awaited.length === 0 || isReached()) return true;
    this.news.wake();
    return new Promise((resolve) => {
      const check = () => {
        if (isReached()) finish(true);
      };
      const timer = setTimeout(() => finish(false), timeoutMs);
      const finish = (outcome: boolean) => {
        clearTimeout(timer);
        this.progress.delete(check);
        resolve(outcome);
      };
      this.progress.add(check);
      check();
    });
  }

  private async follow(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      try {
        const hasMore = await this.step();
        failures = 0;
        this.trouble = undefined;
        if (!hasMore) {
          this.levelAt = performance.now();
          await this.news.wait(this.pollMs);
        }
      } catch (error) {
        if (error instanceof Overtaken) continue;
        failures += 1;
        this.trouble = error instanceof Error ? error.message : String(error);
        this.options.logger.error({ err: error, projection: this.name }, 'a read model cannot follow the ledger');
        await this.news.wait(Math.min(this.pollMs * 2 ** failures, LONGEST_BACK_OFF_MS));
      }
    }
  }

  /**
   * Whether there may be more to apply now. Reads before its transaction begins: an open write transaction would hold this
   * very reader back.
   */
  private async step(): Promise<boolean> {
    const { database } = this.options;
    const [from, page] = await this.next();
    const last = page.events.at(-1);
    if (!last) {
      this.advance(from);
      return false;
    }
    const to: Checkpoint = { cursor: page.cursor, tx: BigInt(last.tx), position: BigInt(last.position) };
    await database.transaction(async (tx) => {
      await setTenant(tx, ALL_TENANTS);
      if (!(await this.checkpoints.move(tx, this.name, from, to))) throw new Overtaken();
      await this.projection.apply(page.events, tx);
    });
    this.advance(to);
    return page.events.length >= this.pages.limit || this.pages.continueAt(to);
  }

  /** Where it stands and what comes next. Where nothing came, it is only looked whether there is something now. */
  private async next(): Promise<readonly [Checkpoint, EventPage]> {
    const calm = this.calm !== undefined && performance.now() < this.calm.until ? this.calm : undefined;
    const news = calm && (await this.pages.after(this.name, calm.at));
    if (calm && news?.events.length === 0) return [calm.at, news];
    this.calm = undefined;
    const at = await this.checkpoints.load(this.options.database, this.name);
    const page = news && at.cursor === calm?.at.cursor ? news : await this.pages.after(this.name, at);
    if (page.events.length === 0) this.calm = { at, until: performance.now() + LONGEST_CALM_MS };
    return [at, page];
  }

  private advance(checkpoint: Checkpoint): void {
    this.reachedCheckpoint = checkpoint;
    for (const check of this.progress) check();
  }
}
