import { readFile } from 'node:fs/promises';

/** `sl local_address rem_address st queues tr retrnsmt uid timeout inode ref pointer drops` (proc(5), /proc/net/udp). */
const PLACE_OF_ADDRESS = 1;
const PLACE_OF_DROPS = 12;

/** Datagrams that Linux dropped at a local port because nobody read them in time; undefined where it does not tell. */
export async function kernelDrops(port: number): Promise<number | undefined> {
  const tables = await Promise.all(
    ['/proc/net/udp', '/proc/net/udp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const drops = tables
    .flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)))
    .filter((columns) => columns[PLACE_OF_ADDRESS]?.endsWith(ending))
    .map((columns) => Number(columns[PLACE_OF_DROPS]));
  return drops.length === 0 ? undefined : drops.reduce((sum, count) => sum + count, 0);
}
