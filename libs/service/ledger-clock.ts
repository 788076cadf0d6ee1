import type { Logger } from 'pino';
import type { Clock } from '#libs/kernel';

/** Where the time is asked for: the pool of the ledger's database. */
export interface AsksTheTime {
  query(text: string): Promise<{ readonly rows: readonly { readonly now: Date }[] }>;
}

const LOOK_MS = 10_000;
/** Who answers later than that has told a time that may be as much too early. */
const SLOW_MS = 1_000;

/**
 * The database's clock (invariant 6), without asking it each time: what it said last, and how long ago that was by this
 * machine's monotonic clock. Whatever is done to the wall clock of this machine then moves no deadline, no time in the
 * ledger and no token's end; what is done to the database's own is followed within ten seconds.
 */
export class LedgerClock implements Clock {
  /** What the database's clock showed when `performance.now()` was 0. Milliseconds. */
  private origin = 0;
  private looking: NodeJS.Timeout | undefined;

  private constructor(
    private readonly database: AsksTheTime,
    private readonly logger: Logger,
  ) {}

  /** @throws what the database throws when it does not answer. */
  static async open(database: AsksTheTime, logger: Logger, lookMs = LOOK_MS): Promise<LedgerClock> {
    const clock = new LedgerClock(database, logger);
    clock.origin = (await clock.ask()).origin;
    clock.looking = setInterval(() => void clock.look(), lookMs).unref();
    return clock;
  }

  now(): Date {
    return new Date(this.origin + performance.now());
  }

  close(): void {
    clearInterval(this.looking);
  }

  private async look(): Promise<void> {
    try {
      const { origin, tookMs } = await this.ask();
      if (tookMs <= SLOW_MS) this.origin = origin;
    } catch (error) {
      this.logger.debug({ err: error }, 'the database did not tell the time; what it said last goes on');
    }
  }

  private async ask(): Promise<{ origin: number; tookMs: number }> {
    const asked = performance.now();
    const { rows } = await this.database.query('select clock_timestamp() as now');
    const answered = performance.now();
    const told = rows[0]?.now.getTime() ?? NaN;
    return { origin: told - (asked + answered) / 2, tookMs: answered - asked };
  }
}
