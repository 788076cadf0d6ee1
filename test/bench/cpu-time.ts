import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds in a clock tick of /proc, on every Linux that Node runs on. */
const TICK_MICROS = 10_000;

/** A process, alone or with all that it has started: PostgreSQL forks one for each connection. */
export interface MeasuredProcess {
  readonly pid: number;
  readonly withChildren?: boolean;
}

export interface ProcessUse {
  /** User and system time, microseconds. Undefined where there is no /proc. */
  readonly cpuMicros: number | undefined;
  /** Resident memory of the process alone, bytes. */
  readonly residentBytes: number | undefined;
}

/** What a process has used since it was started; with its children, those that have ended are included. */
export function processUse({ pid, withChildren = false }: MeasuredProcess): ProcessUse {
  const own = statOf(pid);
  if (own === undefined) return { cpuMicros: undefined, residentBytes: undefined };
  let ticks = own.ticks + (withChildren ? own.ticksOfEnded : 0);
  for (const name of withChildren ? readdirSync('/proc') : []) {
    const child = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (child?.parent === pid) ticks += child.ticks;
  }
  return { cpuMicros: ticks * TICK_MICROS, residentBytes: own.residentPages * 4096 };
}

/** proc(5), /proc/[pid]/stat: what stands after the name, which may hold anything, is split at blanks. */
function statOf(pid: number) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const field = (number: number) => Number(fields[number - 3]);
    return {
      parent: field(4),
      ticks: field(14) + field(15),
      ticksOfEnded: field(16) + field(17),
      residentPages: field(24),
    };
  } catch {
    return undefined;
  }
}

/** Processor time by who used it, from one moment to another. */
export class CpuMeter {
  private begun: ReadonlyMap<string, number>;

  constructor(private readonly processes: ReadonlyMap<string, readonly MeasuredProcess[]>) {
    this.begun = this.totals();
  }

  restart(): void {
    this.begun = this.totals();
  }

  /** Microseconds since the beginning or the last `restart`, by name. */
  used(): Map<string, number> {
    return new Map([...this.totals()].map(([name, total]) => [name, total - (this.begun.get(name) ?? 0)]));
  }

  private totals(): Map<string, number> {
    return new Map(
      [...this.processes].map(([name, processes]) => [
        name,
        processes.reduce((sum, process) => sum + (processUse(process).cpuMicros ?? 0), 0),
      ]),
    );
  }
}
