/** What may be spent: so much flows in each second, up to what it holds. It may go below 0, which is debt. */
export class TokenBucket {
  /** Undefined before the first look. */
  private level: number | undefined;
  private filledAt = 0;

  /**
   * Milliseconds until there is something in it.
   * @param perSecond what flows in; null: there is no limit.
   * @param holds as much as it holds, and has at first.
   */
  pauseMs(perSecond: number | null, now: number, holds = perSecond): number {
    if (perSecond === null || holds === null) {
      this.level = undefined;
      return 0;
    }
    const flown = ((now - this.filledAt) / 1_000) * perSecond;
    this.level = this.level === undefined ? holds : Math.min(holds, this.level + flown);
    this.filledAt = now;
    return this.level > 0 ? 0 : Math.max(1, Math.ceil((-this.level / perSecond) * 1_000));
  }

  take(amount: number): void {
    if (this.level !== undefined) this.level -= amount;
  }
}
