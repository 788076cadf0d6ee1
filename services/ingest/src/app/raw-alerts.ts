import { isUtf8 } from 'node:buffer';
import { createGunzip } from 'node:zlib';
import type { Readable } from 'node:stream';
import { DomainError } from '#libs/kernel';
import { splitList } from '../domain/alert-json';
import { counted, type MemoryShare } from './memory-budget';
import { KEPT_OF_TOO_LARGE, LARGEST_ALERT, type RawAlert } from './alert-reception';

/** Bodies that are not NDJSON are held in memory as a whole. Bytes, after decompression. */
export const LARGEST_BODY = 16 * 1024 * 1024;

/** What a body of alerts turns out to be. A list and NDJSON tell their bad alerts apart; a single one is the answer. */
export type AlertBody =
  | { readonly kind: 'single'; readonly alert: RawAlert }
  | { readonly kind: 'list'; readonly alerts: Iterable<RawAlert> }
  | { readonly kind: 'lines'; readonly alerts: AsyncIterable<RawAlert> };

const NDJSON_TYPES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
  'application/json-lines',
]);

/**
 * Reads the body of `POST /v1/alerts`. NDJSON by its content type is read as it arrives; anything else is read whole,
 * and is a list, one alert, or NDJSON that was not called so.
 *
 * @param share of the memory that all bodies may take.
 * @throws DomainError `unsupported_media_type` for an encoding but gzip, `service_unavailable`, `body_too_large`, `invalid_json` when there is
 * nothing in it.
 */
export async function readAlerts(
  body: Readable,
  headers: {
    readonly contentType: string | undefined;
    readonly contentEncoding: string | undefined;
    readonly contentLength?: string | undefined;
  },
  share: MemoryShare,
): Promise<AlertBody> {
  const mediaType = headers.contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (NDJSON_TYPES.has(mediaType)) {
    return { kind: 'lines', alerts: linesOf(counted(decoded(body, headers.contentEncoding), share)) };
  }
  const length = Number(headers.contentLength ?? Infinity);
  const isSmall = headers.contentEncoding === undefined && length <= SMALL_BODY;
  if (Number.isFinite(length) && length > DRAIN_LIMIT) throw tooLarge(AS_LINES);
  const whole = isSmall
    ? await smallBody(body, length, share)
    : await wholeOf(counted(decoded(body, headers.contentEncoding), share), share, AS_LINES);
  const alerts = alertsIn(whole);
  if (alerts !== undefined) return alerts;
  throw new DomainError('invalid_json', { field: 'body', reason: 'It is empty: send an alert.' });
}

/** What bytes that are held whole turn out to be; undefined where there is nothing in them. */
export function alertsIn(bytes: Buffer): AlertBody | undefined {
  const whole = withoutMark(bytes);
  const text = whole.toString('utf8');
  if (text.trim() === '') return undefined;
  // A text that does not survive the decoding is no list whose items could be told apart byte for byte.
  const items = isUtf8(whole) ? splitList(text) : undefined;
  if (items !== undefined) return { kind: 'list', alerts: items.map((item) => rawOf(Buffer.from(item, 'utf8'))) };
  if (isLines(text)) return { kind: 'lines', alerts: linesOf([whole]) };
  return { kind: 'single', alert: rawOf(whole) };
}

/** Bytes. */
const SMALL_BODY = 64 * 1024;

/**
 * A body that says how small it is, as that of a request with one alert does. By events: asynchronous iteration would take as
 * long as it takes to parse the alert. Node itself sees to it that a body is not longer than it says.
 * @throws what broke the body off.
 */
async function smallBody(body: Readable, length: number, share: MemoryShare): Promise<Buffer> {
  share.add(length);
  // It tells of its end once, which may have been before.
  if (body.destroyed) throw body.errored ?? new Error('aborted');
  return new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    body
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => resolve(Buffer.concat(chunks)))
      .on('error', reject)
      .on('close', () => reject(new Error('aborted')));
  });
}

const rawOf = (bytes: Buffer): RawAlert => ({ bytes, size: bytes.length });

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const withoutMark = (bytes: Buffer): Buffer => (bytes.subarray(0, 3).equals(MARK) ? bytes.subarray(3) : bytes);

/** One line that is a whole JSON object, and more after it. */
function isLines(text: string): boolean {
  const trimmed = text.trimStart();
  const end = trimmed.indexOf('\n');
  if (!trimmed.startsWith('{') || end < 0 || trimmed.slice(end).trim() === '') return false;
  try {
    JSON.parse(trimmed.slice(0, end));
    return true;
  } catch {
    return false;
  }
}

/** A body without its gzip. @throws DomainError `unsupported_media_type`; `invalid_json` while it is read. */
export function decoded(body: Readable, encoding: string | undefined): AsyncIterable<Buffer> {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      // Who stops reading has an answer to give; destroying the body would cut its connection first.
      return body.iterator({ destroyOnReturn: false });
    case 'gzip':
    case 'x-gzip':
      return unzipped(body);
    default:
      throw new DomainError('unsupported_media_type', {
        field: 'content-encoding',
        reason: `'${encoding}' is not taken here: send the body as it is, or with gzip.`,
      });
  }
}

async function* unzipped(body: Readable): AsyncIterable<Buffer> {
  const gunzip = createGunzip();
  body.on('error', (error) => gunzip.destroy(error));
  body.on('aborted', () => gunzip.destroy(new Error('aborted')));
  body.pipe(gunzip);
  try {
    yield* gunzip;
  } catch (error) {
    if (body.destroyed && !body.readableEnded) throw error;
    throw new DomainError('invalid_json', {
      field: 'content-encoding',
      reason: `The body is not valid gzip: ${error instanceof Error ? error.message : String(error)}.`,
      cause: error,
    });
  }
}

/** How much of a body that is too large is still read away, so that its sender comes to read the answer. */
const DRAIN_LIMIT = 4 * LARGEST_BODY;

/** A body that is read whole. @param advice to who has sent too much. @throws DomainError('body_too_large') */
export async function wholeOf(bytes: AsyncIterable<Buffer>, share: MemoryShare, advice: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length <= LARGEST_BODY) chunks.push(chunk);
    else if (length > DRAIN_LIMIT) break;
    else {
      chunks.length = 0;
      share.release();
    }
  }
  if (length > LARGEST_BODY) throw tooLarge(advice);
  return Buffer.concat(chunks, length);
}

const AS_LINES = 'send it as NDJSON (application/x-ndjson), which has no limit';

const tooLarge = (advice: string): DomainError =>
  new DomainError('body_too_large', {
    field: 'body',
    reason: `It is larger than ${LARGEST_BODY / 1024 / 1024} MiB; ${advice}.`,
  });

const LINE_FEED = 0x0a;

/**
 * The lines of NDJSON as they arrive; blank ones do not count. Of a line over LARGEST_ALERT only the beginning is held.
 * When the body breaks off, the error is thrown and the piece of a line before it is no alert.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<RawAlert> {
  const pieces = new BoundedPieces();
  let isFirst = true;
  const take = (): RawAlert | undefined => {
    const { bytes, size } = pieces.take();
    const line = { bytes: isFirst ? withoutMark(bytes) : bytes, size };
    isFirst = false;
    return isBlank(line) ? undefined : line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      pieces.add(chunk.subarray(start, end));
      start = end + 1;
      const line = take();
      if (line !== undefined) yield line;
    }
    if (start < chunk.length) pieces.add(chunk.subarray(start));
  }
  const last = take();
  if (last !== undefined) yield last;
}

/** So many small pieces are put together, so that they take little more than their bytes. */
const MOST_LOOSE = 256;

/** The bytes of one alert as they arrive: of one over LARGEST_ALERT only the beginning. */
export class BoundedPieces {
  private pieces: Buffer[] = [];
  private loose: Buffer[] = [];
  private size = 0;
  private isCut = false;

  /** Bytes that are held. */
  get held(): number {
    return this.isCut ? KEPT_OF_TOO_LARGE : this.size;
  }

  add(piece: Buffer): void {
    this.size += piece.length;
    if (this.isCut) return;
    this.loose.push(piece);
    if (this.size > LARGEST_ALERT) {
      this.pieces = [Buffer.from(this.together().subarray(0, KEPT_OF_TOO_LARGE))];
      this.loose = [];
      this.isCut = true;
    } else if (this.loose.length >= MOST_LOOSE) {
      this.pieces.push(Buffer.concat(this.loose));
      this.loose = [];
    }
  }

  /** What has been added, and begins anew. */
  take(): RawAlert {
    const alert = { bytes: this.together(), size: this.size };
    this.pieces = [];
    this.loose = [];
    this.size = 0;
    this.isCut = false;
    return alert;
  }

  private together(): Buffer {
    return Buffer.concat([...this.pieces, ...this.loose]);
  }
}

function isBlank({ bytes, size }: RawAlert): boolean {
  return size <= LARGEST_ALERT && bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
