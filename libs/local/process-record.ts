import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, processIdentity } from './process-identity';

/** A process that was started from a data folder: a file `<name>.json` each, so that a later start finds those left. */
export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  /** Tells it from a later process with the same number. */
  readonly identity: string;
}

export function recordProcess(folder: string, name: string, pid: number): void {
  mkdirSync(folder, { recursive: true });
  const record: ProcessRecord = { name, pid, identity: processIdentity(pid) ?? '' };
  const file = join(folder, `${name}.json`);
  writeFileSync(`${file}.draft`, `${JSON.stringify(record)}\n`);
  renameSync(`${file}.draft`, file);
}

export function forgetProcess(folder: string, name: string): void {
  rmSync(join(folder, `${name}.json`), { force: true });
}

/** Those of the recorded processes that still run. */
export function recordedProcesses(folder: string): ProcessRecord[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => readRecord(join(folder, file)))
    .filter((record): record is ProcessRecord => record !== undefined && isRunning(record));
}

/**
 * Ends the processes that a killed launcher left: SIGTERM, and SIGKILL for what is still there after `graceMs`.
 * Resolves to their names.
 */
export async function endRecordedProcesses(folder: string, graceMs = 10_000): Promise<string[]> {
  const left = recordedProcesses(folder);
  for (const { pid } of left) signal(pid, 'SIGTERM');
  const deadline = performance.now() + graceMs;
  while (left.some(isRunning) && performance.now() < deadline) await delay(20);
  for (const record of left.filter(isRunning)) signal(record.pid, 'SIGKILL');
  while (left.some(isRunning)) await delay(20);
  for (const { name } of left) forgetProcess(folder, name);
  return left.map(({ name }) => name);
}

function isRunning({ pid, identity }: ProcessRecord): boolean {
  return isAlive(pid) && processIdentity(pid) === identity;
}

/** It may end at the very moment. */
function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readRecord(file: string): ProcessRecord | undefined {
  const value: unknown = parse(readFileSync(file, 'utf8'));
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('identity' in value)) return undefined;
  return { name: basename(file, '.json'), pid: Number(value.pid), identity: String(value.identity) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
