/** The one place where time comes from; tests put their own in. Deadlines are judged by the database's clock instead. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
