/** A queue in which those who wait take turns: what one of them has put in at once delays another by one item. */
export class FairQueue<Item> {
  /** In the order of their turns. */
  private readonly lines = new Map<string, Item[]>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The item whose turn it is. */
  get next(): Item | undefined {
    const [turn] = this.lines.values();
    return turn?.[0];
  }

  /** @param who whose item it is. */
  push(who: string, item: Item): void {
    const line = this.lines.get(who);
    if (line === undefined) this.lines.set(who, [item]);
    else line.push(item);
    this.count += 1;
  }

  /** The next item; who it is of then waits for the others. */
  shift(): Item | undefined {
    const [turn] = this.lines;
    if (turn === undefined) return undefined;
    const [who, line] = turn;
    const item = line.shift();
    this.lines.delete(who);
    if (line.length > 0) this.lines.set(who, line);
    this.count -= 1;
    return item;
  }

  /** Takes an item back that is no longer waiting. */
  remove(who: string, item: Item): void {
    const line = this.lines.get(who);
    const place = line?.indexOf(item) ?? -1;
    if (line === undefined || place < 0) return;
    line.splice(place, 1);
    if (line.length === 0) this.lines.delete(who);
    this.count -= 1;
  }
}
