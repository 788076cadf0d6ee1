import type { RecordedCall } from '../../services/demo/src/targets/call-record';
import type { DemoTargets } from '../../services/demo/src/demo-targets';

/** What the outside systems themselves say was done, by the idempotency key of the call. */
export class Effects {
  private constructor(private readonly byKey: ReadonlyMap<string, number>) {}

  static async at({ urls }: DemoTargets): Promise<Effects> {
    const byKey = new Map<string, number>();
    for (const url of Object.values(urls)) {
      const response = await fetch(`${url}/_record`);
      // The demo's own server, by its own type.
      const { entries } = (await response.json()) as { entries: readonly RecordedCall[] };
      for (const { repeated, status, idempotencyKey } of entries) {
        if (repeated || status >= 300) continue;
        const key = idempotencyKey ?? 'no key';
        byKey.set(key, (byKey.get(key) ?? 0) + 1);
      }
    }
    return new Effects(byKey);
  }

  /** How often it was done. */
  of(key: string): number {
    return this.byKey.get(key) ?? 0;
  }

  keys(): string[] {
    return [...this.byKey.keys()];
  }
}
