import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, programName } from './process-identity';

/** What `postmaster.pid` says (PostgreSQL's src/include/utils/pidfile.h: pid, folder, start, port, ..., status). */
export interface Postmaster {
  readonly pid: number;
  readonly port?: number;
  /** "starting", "stopping", "ready" or "standby"; absent in the first moments. */
  readonly status?: string;
}

export function readPostmaster(dataFolder: string): Postmaster | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const lines = text.split('\n');
  const pid = Math.abs(Number(lines[0]));
  const port = Number(lines[3]);
  return {
    pid: Number.isInteger(pid) ? pid : 0,
    port: Number.isInteger(port) && port > 0 ? port : undefined,
    status: lines[7]?.trim() || undefined,
  };
}

/**
 * Removes a pid file whose postmaster is gone: killed, or its number now another program's, which PostgreSQL itself
 * would take for a running server for ever. Backends that outlived it are found by their shared memory, without the file.
 */
export function removeIfStale(dataFolder: string, postmaster: Postmaster): boolean {
  if (isAlive(postmaster.pid)) {
    const program = programName(postmaster.pid);
    if (program === undefined || program.startsWith('postgres')) return false;
  }
  rmSync(join(dataFolder, 'postmaster.pid'), { force: true });
  return true;
}
