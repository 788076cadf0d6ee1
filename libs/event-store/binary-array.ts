/** PostgreSQL's type numbers of the elements. */
const TEXT = 25;
const JSONB = 3802;

/**
 * A parameter for `$n::text[]` in PostgreSQL's binary array format, so that no text is escaped on this side and parsed
 * on the other: three times cheaper for a JSON document than the text format.
 */
export function textArray(texts: readonly string[]): Buffer {
  return encode(texts, TEXT, 0);
}

/** The same for `$n::jsonb[]`, from JSON texts: an element is the format's version, 1, and the text. */
export function jsonbArray(documents: readonly string[]): Buffer {
  return encode(documents, JSONB, 1);
}

/** Header: dimensions, flags (no nulls), element type, length, lower bound; then length and bytes of each element. */
function encode(texts: readonly string[], elementType: number, versionBytes: 0 | 1): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const size = lengths.reduce((sum, length) => sum + 4 + versionBytes + length, 20);
  const buffer = Buffer.allocUnsafe(size);
  let at = 0;
  for (const header of [1, 0, elementType, texts.length, 1]) at = buffer.writeInt32BE(header, at);
  texts.forEach((text, index) => {
    const length = lengths[index] ?? 0;
    at = buffer.writeInt32BE(length + versionBytes, at);
    if (versionBytes === 1) at = buffer.writeUInt8(1, at);
    at += buffer.write(text, at, length, 'utf8');
  });
  return buffer;
}
