import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A row of docs/metrics.md. */
export interface DocumentedMetric {
  readonly name: string;
  /** The only service that has it; undefined for what every service has. */
  readonly service?: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly what: string;
}

/** Every row of the tables of docs/metrics.md. */
export function documentedMetrics(): DocumentedMetric[] {
  const text = readFileSync(join(__dirname, '..', '..', 'docs', 'metrics.md'), 'utf8');
  let columns: string[] = [];
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) return [];
    const cells = line.split('|').slice(1, -1);
    const [first = '', ...rest] = cells.map((cell) => cell.trim());
    if (first === 'metric') columns = rest;
    const [, name] = /^`([a-z0-9_]+)`$/.exec(first) ?? [];
    if (name === undefined) return [];
    const cell = (column: string): string => rest[columns.indexOf(column)] ?? '';
    const labels = cell('labels').split(', ').filter(Boolean);
    return [{ name, type: cell('type'), labels, what: cell('what'), service: cell('service') || undefined }];
  });
}
