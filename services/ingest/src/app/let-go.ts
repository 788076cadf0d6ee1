import type { Readable } from 'node:stream';

/** How much of a body that is answered early is still read away, and for how long. Bytes, milliseconds. */
const MOST_READ_AWAY = 64 * 1024 * 1024;
const LONGEST_MS = 10_000;

/**
 * Does what is to be done with a body. When that fails with a part of the body unread, the rest is read away, so that a
 * sender who writes first and reads later comes to read the answer; of one that never ends the connection is cut.
 */
export async function answering<Result>(body: Readable, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    readAway(body);
    throw error;
  }
}

function readAway(body: Readable): void {
  if (body.readableEnded || body.destroyed) return;
  const timer = setTimeout(() => body.destroy(), LONGEST_MS);
  timer.unref();
  body.once('close', () => clearTimeout(timer)).once('end', () => clearTimeout(timer));
  let length = 0;
  const read = () => {
    for (let chunk: unknown = body.read(); chunk !== null; chunk = body.read()) {
      length += Buffer.isBuffer(chunk) ? chunk.length : 0;
      if (length > MOST_READ_AWAY) body.destroy();
    }
  };
  // Not resume(): an iterator that still waits for the body keeps that from having an effect.
  body.on('readable', read);
  read();
}
