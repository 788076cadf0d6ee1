import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';

const LINE_FEED = 0x0a;

/** Whole lines of an NDJSON text, without the last line feed. */
export class NdjsonPiece {
  /** Whether all of it is UTF-8. */
  readonly isText: boolean;

  constructor(readonly bytes: Buffer) {
    this.isText = isUtf8(bytes);
  }

  /**
   * Tells where each line begins and ends. A line ends with a line feed alone: `node:readline` breaks at U+2028 too, which
   * JSON texts may hold as it is.
   */
  forEachLine(tell: (start: number, end: number) => void): void {
    const { bytes } = this;
    for (let start = 0; start <= bytes.length;) {
      const found = bytes.indexOf(LINE_FEED, start);
      const end = found < 0 ? bytes.length : found;
      tell(start, end);
      start = end + 1;
    }
  }

  /** The text of a line; undefined when it is not UTF-8. */
  text(start: number, end: number): string | undefined {
    return this.isText || isUtf8(this.bytes.subarray(start, end)) ? this.bytes.toString('utf8', start, end) : undefined;
  }
}

/** An NDJSON text, as many lines at a time as a chunk has completed. */
export async function* ndjsonPieces(source: Readable): AsyncGenerator<NdjsonPiece> {
  let begun: Uint8Array[] = [];
  for await (const chunk of source) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as string | Uint8Array);
    const end = bytes.lastIndexOf(LINE_FEED);
    if (end < 0) {
      begun.push(bytes);
      continue;
    }
    yield new NdjsonPiece(Buffer.concat([...begun, bytes.subarray(0, end)]));
    begun = [bytes.subarray(end + 1)];
  }
  const last = Buffer.concat(begun);
  if (last.length > 0) yield new NdjsonPiece(last);
}
