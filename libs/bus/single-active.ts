import type { Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';

/**
 * Lets one process at a time do a thing, by advisory locks of one session of the database: a process that is killed
 * loses its session, and with it the locks, at once. A process that is cut off may go on for a while without knowing;
 * so whatever it records must be fenced (see `CursorTable.move`).
 */
export class SingleActive {
  private session: PoolClient | undefined;
  private readonly held = new Set<string>();
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly pool: Pool,
    private readonly logger: Logger,
  ) {}

  /** Whether this process is the one for `name`, or has just become it. Throws when the database cannot be asked. */
  async isActive(name: string): Promise<boolean> {
    if (this.held.has(name)) return true;
    const attempt = this.turn.then(() => this.acquire(name));
    this.turn = attempt.catch(() => undefined);
    return attempt;
  }

  private async acquire(name: string): Promise<boolean> {
    if (this.closed) return false;
    const session = (this.session ??= await this.open());
    const { rows } = await session.query<{ mine: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as mine',
      [`countersign.bus:${name}`],
    );
    const mine = rows[0]?.mine === true && this.session === session;
    if (mine) this.held.add(name);
    return mine;
  }

  private async open(): Promise<PoolClient> {
    const session = await this.pool.connect();
    session.on('error', (error) => {
      if (this.session !== session) return;
      this.logger.warn({ err: error }, 'The session that holds the consumer locks is gone; another may take over');
      this.session = undefined;
      this.held.clear();
      session.release(error);
    });
    // A host that vanished without a word must not hold its locks until TCP gives up after hours. Seconds.
    try {
      await session.query(
        'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3',
      );
    } catch (error) {
      // Nobody holds it yet, so that nobody else would give it back to the pool.
      session.release(true);
      throw error;
    }
    return session;
  }

  /** Ends the session, which frees every lock. */
  async close(): Promise<void> {
    this.closed = true;
    await this.turn;
    this.session?.release(true);
    this.session = undefined;
    this.held.clear();
  }
}
