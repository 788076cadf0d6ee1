interface Call<Item, Answer> {
  readonly items: readonly Item[];
  resolve(answers: Answer[]): void;
  reject(error: unknown): void;
}

/**
 * Works on one batch at a time, and joins what is asked for meanwhile into the next one. Batches from different partitions
 * and lanes would otherwise race each other for the same streams, and lose round after round.
 */
export class JoinedCalls<Item, Answer> {
  private readonly waiting: Call<Item, Answer>[] = [];
  private isRunning = false;

  /**
   * @param work one answer an item, in their order.
   * @param most items of a joined batch; a call with more goes alone.
   */
  constructor(
    private readonly work: (items: readonly Item[]) => Promise<Answer[]>,
    private readonly most: number,
  ) {}

  /** Rejects with what the joined batch failed of. */
  ask(items: readonly Item[]): Promise<Answer[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ items, resolve, reject });
      if (!this.isRunning) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    for (let calls = this.next(); calls.length > 0; calls = this.next()) {
      try {
        const answers = await this.work(calls.flatMap(({ items }) => items));
        let from = 0;
        for (const { items, resolve } of calls) resolve(answers.slice(from, (from += items.length)));
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    this.isRunning = false;
  }

  private next(): Call<Item, Answer>[] {
    let items = 0;
    const end = this.waiting.findIndex((call, index) => (items += call.items.length) > this.most && index > 0);
    return this.waiting.splice(0, end < 0 ? this.waiting.length : end);
  }
}
