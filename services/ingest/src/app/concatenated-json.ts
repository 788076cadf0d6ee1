import type { RawAlert } from './alert-reception';
import { BoundedPieces } from './raw-alerts';

/**
 * The JSON objects of a body in which they stand one after the other, with white space between them or without, as they
 * arrive. Where something else begins, all the rest of the body is one last piece, which is no alert then: nothing tells
 * where the next object would begin. Of a piece over LARGEST_ALERT only the beginning is held.
 */
export async function* objectsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<RawAlert> {
  const pieces = new BoundedPieces();
  let level = 0;
  let inText = false;
  let isEscaped = false;
  let isBroken = false;
  for await (const chunk of chunks) {
    let start = isBroken || level > 0 ? 0 : -1;
    for (let index = 0; index < chunk.length && !isBroken; index += 1) {
      const byte = chunk[index];
      if (isEscaped) isEscaped = false;
      else if (inText) {
        if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) inText = false;
      } else if (byte === OPEN_OBJECT || (level > 0 && byte === OPEN_LIST)) {
        if (level === 0) start = index;
        level += 1;
      } else if (level > 0) {
        if (byte === QUOTE) inText = true;
        else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) level -= 1;
        if (level > 0) continue;
        pieces.add(chunk.subarray(start, index + 1));
        start = -1;
        yield pieces.take();
      } else if (!isWhite(byte)) {
        isBroken = true;
        start = index;
      }
    }
    if (start >= 0) pieces.add(chunk.subarray(start));
  }
  const rest = pieces.take();
  if (rest.size > 0) yield rest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

const isWhite = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
