import { createServer } from 'node:net';

/**
 * A TCP port of 127.0.0.1 that nobody listens on: `preferred` when it is free, else one that the system picks.
 * Another program may take it before the caller does; who binds it must be ready to ask again.
 * @param not ports that are spoken for, though nobody listens on them yet.
 */
export async function freePort(preferred = 0, not: readonly number[] = []): Promise<number> {
  const port = await tryPort(preferred);
  if (port !== undefined && !not.includes(port)) return port;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const other = await tryPort(0);
    if (other !== undefined && !not.includes(other)) return other;
  }
  throw new Error('the system has no free TCP port on 127.0.0.1');
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
