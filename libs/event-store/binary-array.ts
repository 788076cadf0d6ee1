/** PostgreSQL's type numbers of the elements. */
const BYTEA = 17;
const INT4 = 23;
const TEXT = 25;
const TIMESTAMPTZ = 1184;
const JSONB = 3802;

/** Where PostgreSQL counts from: 2000-01-01, in milliseconds of the Unix epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const HEADER_BYTES = 20;

/**
 * A parameter for `$n::text[]` in PostgreSQL's binary array format, so that no text is escaped on this side and parsed
 * on the other: three times cheaper for a JSON document than the text format.
 */
export function textArray(texts: readonly string[]): Buffer {
  return ofTexts(texts, TEXT, 0);
}

/** The same for `$n::jsonb[]`, from JSON texts: an element is the format's version, 1, and the text. */
export function jsonbArray(documents: readonly string[]): Buffer {
  return ofTexts(documents, JSONB, 1);
}

/** The same for `$n::int[]`. */
export function intArray(numbers: readonly number[]): Buffer {
  const buffer = begin(INT4, numbers.length, numbers.length * 8);
  let at = HEADER_BYTES;
  for (const number of numbers) {
    at = buffer.writeInt32BE(4, at);
    at = buffer.writeInt32BE(number, at);
  }
  return buffer;
}

/** The same for `$n::bytea[]`, from hexadecimal texts. */
export function byteaArray(hexadecimal: readonly string[]): Buffer {
  const bytes = hexadecimal.reduce((sum, { length }) => sum + 4 + length / 2, 0);
  const buffer = begin(BYTEA, hexadecimal.length, bytes);
  let at = HEADER_BYTES;
  for (const text of hexadecimal) {
    at = buffer.writeInt32BE(text.length / 2, at);
    at += buffer.write(text, at, 'hex');
  }
  return buffer;
}

/** The same for `$n::timestamptz[]`, from times as `2026-11-24T09:30:00.000Z`: microseconds since 2000. */
export function timeArray(times: readonly string[]): Buffer {
  const buffer = begin(TIMESTAMPTZ, times.length, times.length * 12);
  let at = HEADER_BYTES;
  let [last, micros] = ['', 0n];
  for (const time of times) {
    // Events of a batch mostly carry the same time.
    if (time !== last) [last, micros] = [time, BigInt(Date.parse(time) - POSTGRES_EPOCH_MS) * 1000n];
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeBigInt64BE(micros, at);
  }
  return buffer;
}

function ofTexts(texts: readonly string[], elementType: number, versionBytes: 0 | 1): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const buffer = begin(
    elementType,
    texts.length,
    lengths.reduce((sum, length) => sum + 4 + versionBytes + length, 0),
  );
  let at = HEADER_BYTES;
  texts.forEach((text, index) => {
    const length = lengths[index] ?? 0;
    at = buffer.writeInt32BE(length + versionBytes, at);
    if (versionBytes === 1) at = buffer.writeUInt8(1, at);
    at += buffer.write(text, at, length, 'utf8');
  });
  return buffer;
}

/** Header: dimensions, flags (no nulls), element type, length, lower bound; then length and bytes of each element. */
function begin(elementType: number, length: number, elementBytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + elementBytes);
  let at = 0;
  for (const header of [1, 0, elementType, length, 1]) at = buffer.writeInt32BE(header, at);
  return buffer;
}
