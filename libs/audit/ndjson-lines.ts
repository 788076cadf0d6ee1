import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';

const LINE_FEED = 0x0a;

/**
 * The lines of an NDJSON text, as many at a time as a chunk has completed; `undefined` for a line that is not UTF-8.
 * A line ends with a line feed alone: `node:readline` breaks at U+2028 too, which JSON texts may hold as it is.
 */
export async function* ndjsonLines(source: Readable): AsyncGenerator<readonly (string | undefined)[]> {
  let begun: Uint8Array[] = [];
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk as string | Uint8Array);
    const end = bytes.lastIndexOf(LINE_FEED);
    if (end < 0) {
      begun.push(bytes);
      continue;
    }
    yield linesIn(Buffer.concat([...begun, bytes.subarray(0, end)]));
    begun = [bytes.subarray(end + 1)];
  }
  const last = Buffer.concat(begun);
  if (last.length > 0) yield linesIn(last);
}

function linesIn(bytes: Buffer): (string | undefined)[] {
  if (isUtf8(bytes)) return bytes.toString('utf8').split('\n');
  const lines: (string | undefined)[] = [];
  for (let start = 0; start <= bytes.length;) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    lines.push(isUtf8(line) ? line.toString('utf8') : undefined);
    start = end + 1;
  }
  return lines;
}
