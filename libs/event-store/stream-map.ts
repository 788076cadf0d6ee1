/** A map by category and a name in it: a stream, or an event id. Joining the two to one key would cost an append more. */
export class StreamMap<Value> {
  private readonly categories = new Map<string, Map<string, Value>>();

  get(category: string, name: string): Value | undefined {
    return this.categories.get(category)?.get(name);
  }

  has(category: string, name: string): boolean {
    return this.categories.get(category)?.has(name) ?? false;
  }

  set(category: string, name: string, value: Value): void {
    const names = this.categories.get(category);
    if (names) names.set(name, value);
    else this.categories.set(category, new Map([[name, value]]));
  }

  delete(category: string, name: string): void {
    this.categories.get(category)?.delete(name);
  }

  get size(): number {
    let size = 0;
    for (const names of this.categories.values()) size += names.size;
    return size;
  }

  *values(): Generator<Value> {
    for (const names of this.categories.values()) yield* names.values();
  }
}
