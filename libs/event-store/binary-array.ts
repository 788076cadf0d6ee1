/** PostgreSQL's type numbers of the elements. */
const BOOL = 16;
const BYTEA = 17;
const INT4 = 23;
const TEXT = 25;
const TIMESTAMPTZ = 1184;
const UUID = 2950;
const JSONB = 3802;

/** Where PostgreSQL counts from: 2000-01-01, in milliseconds of the Unix epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const HEADER_BYTES = 20;
/** The length of an element that is null. */
const NULL = -1;

/**
 * A parameter for `$n::text[]` in PostgreSQL's binary array format, so that no text is escaped on this side and parsed
 * on the other: three times cheaper for a JSON document than the text format.
 */
export function textArray(texts: readonly (string | null)[]): Buffer {
  return ofTexts(texts, TEXT, 0);
}

/** The same for `$n::jsonb[]`, from JSON texts: an element is the format's version, 1, and the text. */
export function jsonbArray(documents: readonly (string | null)[]): Buffer {
  return ofTexts(documents, JSONB, 1);
}

/** The same for `$n::int[]`. */
export function intArray(numbers: readonly (number | null)[]): Buffer {
  return ofEqualLength(INT4, 4, numbers, (buffer, number, at) => buffer.writeInt32BE(number, at));
}

/** The same for `$n::boolean[]`. */
export function booleanArray(booleans: readonly (boolean | null)[]): Buffer {
  return ofEqualLength(BOOL, 1, booleans, (buffer, boolean, at) => buffer.writeUInt8(boolean ? 1 : 0, at));
}

/** The same for `$n::uuid[]`. Throws TypeError for what is no UUID. */
export function uuidArray(ids: readonly (string | null)[]): Buffer {
  return ofEqualLength(UUID, 16, ids, (buffer, id, at) => {
    if (buffer.write(id.replaceAll('-', ''), at, 16, 'hex') < 16) throw new TypeError(`${id} is not a UUID`);
  });
}

/** The same for `$n::timestamptz[]`, from moments: microseconds since 2000. */
export function momentArray(moments: readonly (Date | null)[]): Buffer {
  return ofEqualLength(TIMESTAMPTZ, 8, moments, (buffer, moment, at) =>
    buffer.writeBigInt64BE(BigInt(moment.getTime() - POSTGRES_EPOCH_MS) * 1000n, at),
  );
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

function ofTexts(texts: readonly (string | null)[], elementType: number, versionBytes: 0 | 1): Buffer {
  const lengths = texts.map((text) => (text === null ? NULL : Buffer.byteLength(text) + versionBytes));
  const bytes = lengths.reduce((sum, length) => sum + 4 + Math.max(0, length), 0);
  const buffer = begin(elementType, texts.length, bytes, lengths.includes(NULL));
  let at = HEADER_BYTES;
  for (const [index, text] of texts.entries()) {
    const length = lengths[index] ?? NULL;
    at = buffer.writeInt32BE(length, at);
    if (text === null) continue;
    if (versionBytes === 1) at = buffer.writeUInt8(1, at);
    at += buffer.write(text, at, length - versionBytes, 'utf8');
  }
  return buffer;
}

function ofEqualLength<Value>(
  elementType: number,
  length: number,
  values: readonly (Value | null)[],
  write: (buffer: Buffer, value: Value, at: number) => void,
): Buffer {
  const nulls = values.reduce((count, value) => (value === null ? count + 1 : count), 0);
  const bytes = values.length * 4 + (values.length - nulls) * length;
  const buffer = begin(elementType, values.length, bytes, nulls > 0);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? NULL : length, at);
    if (value === null) continue;
    write(buffer, value, at);
    at += length;
  }
  return buffer;
}

/** Header: dimensions, whether there are nulls, element type, length, lower bound; then length and bytes of each element. */
function begin(elementType: number, length: number, elementBytes: number, hasNulls = false): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + elementBytes);
  let at = 0;
  for (const header of [1, hasNulls ? 1 : 0, elementType, length, 1]) at = buffer.writeInt32BE(header, at);
  return buffer;
}
