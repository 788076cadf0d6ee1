import { existsSync, readFileSync } from 'node:fs';
import type { Instance } from './site';

const SAMPLE_MS = 1_000;
const MIB = 1024 * 1024;
/** What the second half may reach beside the first: a garbage collector's mood, and not growth. */
const FACTOR = 1.25;
const ALLOWANCE = 48 * MIB;

interface Sample {
  readonly pid: number;
  /** Resident, in bytes. */
  readonly rss: number;
}

export interface MemoryOfProcess {
  readonly name: string;
  readonly samples: number;
  /** The most in each half of the time. MiB. */
  readonly firstHalf: number;
  readonly secondHalf: number;
  /** It was ended and started again: out of memory, or worse. */
  readonly restarted: boolean;
  readonly bounded: boolean;
}

/** What every process has resident, each second; from Linux's own account of it. */
export class MemorySamples {
  private readonly samples = new Map<string, Sample[]>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly instances: readonly Pick<Instance, 'name' | 'pid'>[]) {
    this.timer = setInterval(() => this.sample(), SAMPLE_MS);
  }

  stop(): MemoryOfProcess[] {
    clearInterval(this.timer);
    return [...this.samples].map(([name, samples]) => judged(name, samples));
  }

  private sample(): void {
    for (const { name, pid = 0 } of this.instances) {
      const file = `/proc/${pid}/status`;
      if (!existsSync(file)) continue;
      const kib = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
      this.samples.set(name, [...(this.samples.get(name) ?? []), { pid, rss: kib * 1024 }]);
    }
  }
}

function judged(name: string, samples: readonly Sample[]): MemoryOfProcess {
  const middle = Math.ceil(samples.length / 2);
  const most = (part: readonly Sample[]): number => Math.max(0, ...part.map(({ rss }) => rss));
  const [first, second] = [most(samples.slice(0, middle)), most(samples.slice(middle))];
  const restarted = new Set(samples.map(({ pid }) => pid)).size > 1;
  return {
    name,
    samples: samples.length,
    firstHalf: Math.round(first / MIB),
    secondHalf: Math.round(second / MIB),
    restarted,
    bounded: !restarted && second <= first * FACTOR + ALLOWANCE,
  };
}
