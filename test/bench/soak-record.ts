import { request } from 'undici';
import type { ServiceName } from '../../contracts/envelope';
import { SERVICES } from '../../contracts/envelope';
import type { AlertOutcomes } from './alert-outcomes';
import { processUse } from './cpu-time';
import { type BenchResult, benchResult, median } from './report';
import type { RunningSystem } from './running-system';

const MEBIBYTE = 1024 * 1024;

/** What a long run looks like from outside, sample by sample. */
export class SoakRecord {
  /** By what is measured, in the order of the samples. */
  private readonly series = new Map<string, { readonly unit: string; readonly values: number[] }>();
  /** Samples that could not be taken. */
  failures = 0;

  constructor(
    private readonly system: RunningSystem,
    private readonly outcomes: AlertOutcomes,
  ) {}

  async sample(): Promise<void> {
    try {
      this.add('pending', 'alerts', (await this.outcomes.account()).total.pending);
      for (const [name, processes] of this.system.processes) {
        const bytes = processes.reduce((sum, process) => sum + (processUse(process).residentBytes ?? 0), 0);
        this.add(`resident ${name}`, 'MiB', bytes / MEBIBYTE);
      }
      for (const service of SERVICES) await this.sampleMetrics(service);
    } catch (error) {
      this.failures += 1;
      process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }

  /** The median of the last quarter, against that of the second: the first still warms up. Flat is 1. */
  results(): BenchResult[] {
    return [...this.series].map(([name, { unit, values }]) => {
      const quarter = Math.floor(values.length / 4);
      const early = median(values.slice(quarter, 2 * quarter));
      const late = median(values.slice(3 * quarter));
      return benchResult(name, unit, late, early > 0 ? { 'second quarter': early } : {}, 'lower');
    });
  }

  private async sampleMetrics(service: ServiceName): Promise<void> {
    const url = this.system.urlOf(service);
    if (url === '') return;
    const { body } = await request(`${url}/metrics`);
    const text = await body.text();
    this.add(`heap ${service}`, 'MiB', sumOf(text, 'nodejs_heap_size_used_bytes') / MEBIBYTE);
    this.add(`lag ${service}`, 'messages', sumOf(text, 'countersign_bus_lag_messages'));
  }

  private add(name: string, unit: string, value: number): void {
    const known = this.series.get(name) ?? { unit, values: [] };
    this.series.set(name, known);
    known.values.push(value);
  }
}

/** All values of a metric in Prometheus' text format, whatever their labels. */
function sumOf(text: string, metric: string): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith(metric) && /^[{ ]/.test(line.slice(metric.length))) sum += Number(line.split(' ').at(-1));
  }
  return sum;
}
