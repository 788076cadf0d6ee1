import { pino } from 'pino';
import { type AsksTheTime, LedgerClock } from './ledger-clock';

const logger = pino({ level: 'silent' });
const HOUR_MS = 3_600_000;
const told = Date.parse('2031-01-01T00:00:00.000Z');

/** A database that tells these times, one after another and the last one for ever; an error is thrown. */
function database(...answers: readonly (number | Error)[]): AsksTheTime & { asked: number } {
  return {
    asked: 0,
    query() {
      const answer = answers[Math.min(this.asked, answers.length - 1)] ?? NaN;
      this.asked += 1;
      return typeof answer === 'number'
        ? Promise.resolve({ rows: [{ now: new Date(answer) }] })
        : Promise.reject(answer);
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('the clock of a service', () => {
  afterEach(() => jest.restoreAllMocks());

  it('is the database’s, and goes on by itself', async () => {
    const clock = await LedgerClock.open(database(told), logger);
    const first = clock.now().getTime();
    expect(first - told).toBeGreaterThanOrEqual(0);
    expect(first - told).toBeLessThan(HOUR_MS);
    await until(() => clock.now().getTime() > first);
    clock.close();
  });

  it('does not jump with the clock of this machine', async () => {
    const clock = await LedgerClock.open(database(told), logger);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 30 * HOUR_MS);
    expect(clock.now().getTime()).toBeGreaterThanOrEqual(told);
    expect(clock.now().getTime()).toBeLessThan(told + HOUR_MS);
    clock.close();
  });

  it('follows what is done to the database’s', async () => {
    const clock = await LedgerClock.open(database(told, told + 5 * HOUR_MS), logger, 1);
    await until(() => clock.now().getTime() >= told + 5 * HOUR_MS);
    clock.close();
  });

  it('goes on while the database is away, and refuses to begin without it', async () => {
    const away = new Error('away');
    const one = database(told, away);
    const clock = await LedgerClock.open(one, logger, 1);
    await until(() => one.asked > 3);
    expect(clock.now().getTime()).toBeGreaterThanOrEqual(told);
    clock.close();
    await expect(LedgerClock.open(database(away), logger)).rejects.toBe(away);
  });
});
