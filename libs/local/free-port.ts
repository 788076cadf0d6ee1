import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take the ports of outgoing connections (Linux from 32768, others from 49152): a
 * service binds its port seconds after it was chosen, and the connections opened meanwhile must not land on it.
 */
const [LOWEST, HIGHEST] = [20_000, 32_000];

/**
 * A TCP port of 127.0.0.1 that nobody listens on: `preferred` when it is free, else one picked at random.
 * Another program may take it before the caller does; who binds it must be ready to ask again.
 * @param not ports that are spoken for, though nobody listens on them yet.
 */
export async function freePort(preferred = 0, not: readonly number[] = []): Promise<number> {
  if (preferred !== 0 && !not.includes(preferred) && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const other = randomInt(LOWEST, HIGHEST);
    if (!not.includes(other) && (await isFree(other))) return other;
  }
  throw new Error('the system has no free TCP port on 127.0.0.1');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
