import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Whether `pid` is a process that still runs. A zombie (killed, not yet reaped by its parent) does not: kill(pid, 0)
 * alone would call it alive for ever in a container whose first process reaps nobody.
 */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const state = linuxStat(pid)?.state;
  return state !== 'Z' && state !== 'X';
}

/**
 * A text that names this very process and not a later one with the same number, or undefined when it does not run.
 * From the start time: /proc on Linux, `ps` elsewhere; where neither exists the number alone has to do.
 */
export function processIdentity(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined;
  const stat = linuxStat(pid);
  if (stat) return `${pid}@${bootId()}/${stat.startTicks}`;
  if (process.platform === 'win32') return String(pid);
  try {
    return `${pid}@${execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()}`;
  } catch {
    return isAlive(pid) ? String(pid) : undefined;
  }
}

/** The name of the program that `pid` runs, without its folder; undefined when it cannot be told. */
export function programName(pid: number): string | undefined {
  const stat = linuxStat(pid);
  if (stat) return stat.program;
  if (process.platform === 'win32') return undefined;
  try {
    const command = execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return command.slice(command.lastIndexOf('/') + 1);
  } catch {
    return undefined;
  }
}

/** proc(5): `pid (program) state ...`; the program may itself hold spaces and brackets, so count from the last one. */
function linuxStat(pid: number): { program: string; state: string; startTicks: string } | undefined {
  if (process.platform !== 'linux') return undefined;
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return { program: text.slice(text.indexOf('(') + 1, end), state: fields[0] ?? '', startTicks: fields[19] ?? '' };
}

let boot: string | undefined;
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}
