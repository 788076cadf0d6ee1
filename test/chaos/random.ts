/** Random numbers that a seed tells in full: the same seed draws the same faults and alerts, on any machine. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Another stream of numbers, told by this seed and `label`: what one part draws moves nothing of another. */
  static of(seed: number, ...labels: readonly (string | number)[]): Random {
    let state = seed >>> 0;
    for (const char of labels.join('/')) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
    return new Random(state);
  }

  /** In [0, 1). Mulberry32, by Tommy Ettinger (public domain). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.between(0, from.length - 1)];
    if (picked === undefined) throw new RangeError('there is nothing to pick from');
    return picked;
  }

  /** `count` of them: all once, in random order, before any comes again. */
  dealt<T>(deck: readonly T[], count: number): T[] {
    const dealt: T[] = [];
    while (dealt.length < count) {
      const rest = [...deck];
      while (rest.length > 0) dealt.push(...rest.splice(this.between(0, rest.length - 1), 1));
    }
    return dealt.slice(0, count);
  }
}
