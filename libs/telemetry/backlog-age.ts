interface Look {
  readonly produced: number;
  readonly at: number;
}

/** Looks that are kept of a backlog: with more, those between the first and the last are thinned out. */
const MOST_LOOKS = 500;

/**
 * How long the oldest of a backlog has waited, where only two counts are to be had that never fall: what came in, and
 * what was worked off, in that order. It remembers when it saw the first count rise, so that it tells too little by up
 * to the time between two looks, and begins anew with the process.
 */
export class BacklogAge {
  private readonly looks = new Map<string, Look[]>();

  /** @param now milliseconds of a clock that does not jump. @returns seconds; 0 when nothing waits. */
  seconds(backlog: string, produced: number, consumed: number, now = performance.now()): number {
    const looks = (this.looks.get(backlog) ?? []).filter((look) => look.produced > consumed);
    if ((looks.at(-1)?.produced ?? consumed) < produced) looks.push({ produced, at: now });
    this.looks.set(backlog, looks.length > MOST_LOOKS ? looks.filter((_, index) => index % 2 === 0) : looks);
    const [first] = looks;
    return first === undefined ? 0 : Math.max(now - first.at, 0) / 1000;
  }
}
