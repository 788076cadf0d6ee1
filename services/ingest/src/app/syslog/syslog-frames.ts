import type { RawAlert } from '../alert-reception';
import { BoundedPieces } from '../raw-alerts';

const LINE_FEED = 0x0a;
const NUL = 0x00;
const CARRIAGE_RETURN = 0x0d;

/** MSG-LEN SP SYSLOG-MSG (RFC 6587, section 3.4.1): a length before what begins as a message does. */
const COUNT_BEFORE_MESSAGE = /^([1-9]\d{0,7}) <\d/;
/** Where a connection counts, a length is a length. */
const COUNT = /^([1-9]\d{0,7}) /;
const LONGEST_HEAD = 11;
/** What may still become one of these. */
const HALF_A_COUNT = /^(?:[1-9]\d{0,7}(?: <?)?)?$/;

/** Where counting goes on after bytes that no count covers; or their own end. */
const NEXT_FRAME = /[\n\0]|[1-9]\d{0,7} <\d{1,3}>/;
const LONGEST_NEXT = 14;

/**
 * Takes the frames out of a TCP stream of syslog messages (RFC 6587): of each, whether it is counted or ends with a line
 * feed (or NUL) is told from its beginning, as relays do. On a connection that counts, bytes that no count covers are a
 * frame of their own up to the next count: a wrong one costs the message that it stands before, and the bytes that it claims
 * of the next. The frames are the same however the stream is cut into pieces.
 *
 * Frames without anything in them are left out, and so is what ends a message: line feed, carriage return, NUL.
 */
export class SyslogFrames {
  private state: 'head' | 'counted' | 'line' | 'stray' = 'head';
  private doesCount = false;
  /** Of a counted frame. Bytes. */
  private missing = 0;
  /** What it takes more bytes to decide on. */
  private pending: Buffer = Buffer.alloc(0);
  private readonly pieces = new BoundedPieces();

  /** Bytes of a frame that is not at its end. */
  get held(): number {
    return this.pending.length + this.pieces.held;
  }

  push(chunk: Buffer): RawAlert[] {
    const frames: RawAlert[] = [];
    let rest = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    this.pending = Buffer.alloc(0);
    while (rest.length > 0) {
      const left = this.step(rest, frames);
      if (left === undefined) break;
      rest = left;
    }
    return frames;
  }

  /** The stream has come to its end: what has no end of its own is a frame only where none was promised. */
  end(): { readonly frame: RawAlert | undefined; readonly isBroken: boolean } {
    if (this.state === 'counted') return { frame: undefined, isBroken: true };
    this.pieces.add(this.pending);
    this.pending = Buffer.alloc(0);
    const frames: RawAlert[] = [];
    this.finish(frames);
    return { frame: frames[0], isBroken: false };
  }

  /** What is left of `bytes`; undefined where more are needed. */
  private step(bytes: Buffer, frames: RawAlert[]): Buffer | undefined {
    switch (this.state) {
      case 'head':
        return this.begin(bytes);
      case 'counted':
        return this.count(bytes, frames);
      case 'line':
        return this.line(bytes, frames);
      case 'stray':
        return this.stray(bytes, frames);
    }
  }

  private begin(bytes: Buffer): Buffer | undefined {
    // What stands between frames: some end a counted one by a line feed, too.
    let start = 0;
    while (start < bytes.length && isEnd(bytes[start])) start += 1;
    const head = bytes.toString('latin1', start, start + LONGEST_HEAD);
    const [, count] = (this.doesCount ? COUNT : COUNT_BEFORE_MESSAGE).exec(head) ?? [];
    if (count !== undefined) {
      this.state = 'counted';
      this.doesCount = true;
      this.missing = Number(count);
      return bytes.subarray(start + count.length + 1);
    }
    if (HALF_A_COUNT.test(head)) {
      this.pending = bytes.subarray(start);
      return undefined;
    }
    this.state = this.doesCount ? 'stray' : 'line';
    return bytes.subarray(start);
  }

  private count(bytes: Buffer, frames: RawAlert[]): Buffer {
    const piece = bytes.subarray(0, this.missing);
    this.pieces.add(piece);
    this.missing -= piece.length;
    if (this.missing === 0) this.finish(frames);
    return bytes.subarray(piece.length);
  }

  private line(bytes: Buffer, frames: RawAlert[]): Buffer {
    const lineFeed = bytes.indexOf(LINE_FEED);
    const line = lineFeed < 0 ? bytes : bytes.subarray(0, lineFeed);
    const nul = line.indexOf(NUL);
    const end = nul < 0 ? lineFeed : nul;
    if (end < 0) {
      this.pieces.add(bytes);
      return bytes.subarray(bytes.length);
    }
    this.pieces.add(bytes.subarray(0, end));
    this.finish(frames);
    return bytes.subarray(end + 1);
  }

  private stray(bytes: Buffer, frames: RawAlert[]): Buffer | undefined {
    const next = NEXT_FRAME.exec(bytes.toString('latin1'));
    if (next !== null) {
      this.pieces.add(bytes.subarray(0, next.index));
      this.finish(frames);
      return bytes.subarray(next.index);
    }
    const undecided = Math.max(0, bytes.length - LONGEST_NEXT + 1);
    this.pieces.add(bytes.subarray(0, undecided));
    this.pending = bytes.subarray(undecided);
    return undefined;
  }

  private finish(frames: RawAlert[]): void {
    this.state = 'head';
    const frame = withoutEnd(this.pieces.take());
    if (frame.size > 0) frames.push(frame);
  }
}

const isEnd = (byte: number | undefined): boolean => byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === NUL;

/** A message without the line feed, carriage return or NUL that its sender put behind it. */
export function withoutEnd({ bytes, size }: RawAlert): RawAlert {
  if (bytes.length < size) return { bytes, size };
  let end = bytes.length;
  while (end > 0 && isEnd(bytes[end - 1])) end -= 1;
  return { bytes: bytes.subarray(0, end), size: end };
}
