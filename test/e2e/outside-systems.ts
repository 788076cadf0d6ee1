import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What an outside system of the demo remembers of one call. */
export interface RecordedCall {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown> | null;
  readonly idempotencyKey: string | null;
  readonly traceparent: string | null;
  readonly repeated: boolean;
  readonly status: number;
}

export interface TargetRecord {
  readonly calls: number;
  readonly effects: number;
  readonly entries: readonly RecordedCall[];
}

export const OUTSIDE_SYSTEMS = ['firewall', 'identity', 'ticketing', 'chat', 'intel'] as const;
export type OutsideSystem = (typeof OUTSIDE_SYSTEMS)[number];

/** Asks the outside system itself what it was asked to do. */
export async function recordOf(data: string, name: OutsideSystem): Promise<TargetRecord> {
  const ports: Record<string, number> = JSON.parse(readFileSync(join(data, 'targets', 'ports.json'), 'utf8'));
  const response = await fetch(`http://127.0.0.1:${ports[name] ?? 0}/_record`);
  const record: unknown = await response.json();
  return record as TargetRecord;
}

/** The keys under which it was asked to do something more than once, and did it again. */
export function doneTwice({ entries }: TargetRecord): string[] {
  const done = entries.filter(({ repeated, status }) => !repeated && status < 300);
  const keys = done.map(({ idempotencyKey }) => idempotencyKey ?? 'no key');
  return keys.filter((key, index) => keys.indexOf(key) !== index);
}
