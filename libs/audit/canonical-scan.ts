/** Where a scan ends that has met something that it does not take for canonical. */
export const NOT_CANONICAL = -1;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
const BEYOND_ASCII = 0x80;

/** By byte, whether it is written as it is in a text: all but `"`, `\\` and what lies below the space. */
const STANDS_FOR_ITSELF = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
/** What ECMAScript writes after a backslash, `u` aside. */
const ESCAPED = new Set([...'"\\bfnrt'].map((escaped) => escaped.charCodeAt(0)));
/** Far more than is recorded, and far from exhausting the stack. */
const MAX_DEPTH = 100;
/** A whole number of so many digits is a double, and is written as it is. */
const SAFE_DIGITS = 15;

/**
 * Scans JSON without parsing it, to see that it stands in its canonical form (RFC 8785). It is sure of what it accepts,
 * and leaves what is rare to the parser: `\u` escapes, keys that are not plain ASCII, deep nesting.
 * @param bytes UTF-8.
 * @param at where a value begins.
 * @returns where the value ends, or NOT_CANONICAL.
 */
export function endOfValue(bytes: Uint8Array, at: number, depth = 0): number {
  switch (bytes[at]) {
    case QUOTE:
      return endOfText(bytes, at);
    case OPEN_OBJECT:
      return depth < MAX_DEPTH ? endOfObject(bytes, at, depth + 1) : NOT_CANONICAL;
    case OPEN_ARRAY:
      return depth < MAX_DEPTH ? endOfArray(bytes, at, depth + 1) : NOT_CANONICAL;
    default:
      return endOfLiteral(bytes, at);
  }
}

function endOfText(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; ; at += 2) {
    while (STANDS_FOR_ITSELF[bytes[at] ?? 0] === 1) at += 1;
    if (bytes[at] === QUOTE) return at + 1;
    if (bytes[at] !== BACKSLASH || !ESCAPED.has(bytes[at + 1] ?? 0)) return NOT_CANONICAL;
  }
}

function endOfObject(bytes: Uint8Array, start: number, depth: number): number {
  let at = start + 1;
  if (bytes[at] === CLOSE_OBJECT) return at + 1;
  let [previous, previousEnd] = [at, at];
  for (;;) {
    const keyEnd = endOfKey(bytes, at);
    if (keyEnd === NOT_CANONICAL || bytes[keyEnd] !== COLON) return NOT_CANONICAL;
    if (!isAscending(bytes, previous + 1, previousEnd - 1, at + 1, keyEnd - 1)) return NOT_CANONICAL;
    [previous, previousEnd] = [at, keyEnd];
    at = endOfValue(bytes, keyEnd + 1, depth);
    if (at === NOT_CANONICAL) return NOT_CANONICAL;
    if (bytes[at] === CLOSE_OBJECT) return at + 1;
    if (bytes[at] !== COMMA) return NOT_CANONICAL;
    at += 1;
  }
}

/** Of ASCII without escapes, so that the order of its bytes is that of its UTF-16 code units. */
function endOfKey(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return NOT_CANONICAL;
  for (let place = at + 1; place < bytes.length; place += 1) {
    const byte = bytes[place] ?? 0;
    if (byte === QUOTE) return place + 1;
    if (byte < SPACE || byte >= BEYOND_ASCII || byte === BACKSLASH) return NOT_CANONICAL;
  }
  return NOT_CANONICAL;
}

/** Whether the first key comes before the second. A first end before its start stands for no key. */
function isAscending(bytes: Uint8Array, first: number, firstEnd: number, second: number, secondEnd: number): boolean {
  if (firstEnd < first) return true;
  const shorter = Math.min(firstEnd - first, secondEnd - second);
  for (let place = 0; place < shorter; place += 1) {
    const [one, other] = [bytes[first + place] ?? 0, bytes[second + place] ?? 0];
    if (one !== other) return one < other;
  }
  return firstEnd - first < secondEnd - second;
}

function endOfArray(bytes: Uint8Array, start: number, depth: number): number {
  let at = start + 1;
  if (bytes[at] === CLOSE_ARRAY) return at + 1;
  for (;;) {
    at = endOfValue(bytes, at, depth);
    if (at === NOT_CANONICAL) return NOT_CANONICAL;
    if (bytes[at] === CLOSE_ARRAY) return at + 1;
    if (bytes[at] !== COMMA) return NOT_CANONICAL;
    at += 1;
  }
}

/** `true`, `false`, `null`, or a number as ECMAScript writes it. */
function endOfLiteral(bytes: Uint8Array, start: number): number {
  let end = start;
  let isPlain = true;
  for (let byte = bytes[end] ?? 0; isOfLiteral(byte); byte = bytes[end] ?? 0) {
    isPlain &&= byte >= ZERO && byte <= NINE;
    end += 1;
  }
  const length = end - start;
  if (isPlain && length > 0 && length <= SAFE_DIGITS)
    return bytes[start] !== ZERO || length === 1 ? end : NOT_CANONICAL;
  const text = String.fromCharCode(...bytes.subarray(start, end));
  if (text === 'true' || text === 'false' || text === 'null') return end;
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? end : NOT_CANONICAL;
}

/** Lower-case letters, digits, `+`, `-` and `.`. */
function isOfLiteral(byte: number): boolean {
  return (
    (byte >= ZERO && byte <= NINE) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2b || byte === 0x2d || byte === 0x2e
  );
}
