import { DomainError } from '#libs/kernel';

/** Deeper values are refused: PostgreSQL's parser and ours are recursive, and nothing real nests like that. */
export const MAX_DEPTH = 500;

const NEEDS_CARE = /["\\\u0000-\u001f\ud800-\udfff]/;

/**
 * The canonical form of RFC 8785 (JCS): keys sorted by UTF-16 code units, no white space, numbers and texts as
 * ECMAScript writes them. A key whose value is `undefined` is left out, as JSON.stringify does.
 *
 * @param value anything that JSON can say.
 * @throws DomainError('invalid_character') for a lone surrogate (RFC 8785, section 3.2.2.2), DomainError('invalid_field')
 * for what JSON cannot say (NaN, Infinity, bigint, function, undefined in an array) and for more than MAX_DEPTH levels.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/** One text as RFC 8785 writes it. */
export function canonicalText(text: string): string {
  if (!NEEDS_CARE.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new DomainError('invalid_character', 'the text holds a lone surrogate');
  return JSON.stringify(text);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return canonicalText(value);
    case 'number':
      // String(-0) is "0", which is what RFC 8785 wants.
      if (Number.isFinite(value)) return String(value);
      throw new DomainError('invalid_field', `${value} is not a JSON number`);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_DEPTH) throw new DomainError('invalid_field', `the value nests deeper than ${MAX_DEPTH} levels`);
      return Array.isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1);
    default:
      throw new DomainError('invalid_field', `a value of type ${typeof value} is not JSON`);
  }
}

function writeArray(items: readonly unknown[], depth: number): string {
  let out = '[';
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0) out += ',';
    out += write(items[index], depth);
  }
  return `${out}]`;
}

function writeObject(object: object, depth: number): string {
  const entries = object as Record<string, unknown>;
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null && typeof entries.toJSON === 'function') {
    throw new DomainError('invalid_field', `a ${object.constructor.name} is not JSON; write it as a text`);
  }
  let out = '';
  for (const key of sorted(Object.keys(entries))) {
    const value = entries[key];
    if (value === undefined) continue;
    out += `${out === '' ? '{' : ','}${canonicalKey(key)}${write(value, depth)}`;
  }
  return out === '' ? '{}' : `${out}}`;
}

/** In place, by UTF-16 code units. Objects are small, and most have their keys in order already: insertion beats sort(). */
function sorted(keys: string[]): string[] {
  if (keys.length > 32) return keys.sort();
  for (let index = 1; index < keys.length; index += 1) {
    const key = keys[index] ?? '';
    let place = index;
    for (let before = keys[place - 1] ?? ''; place > 0 && before > key; before = keys[place - 1] ?? '') {
      keys[place] = before;
      place -= 1;
    }
    keys[place] = key;
  }
  return keys;
}

/** Keys repeat from event to event, so that each is looked at once. Bounded, for they come from outside. */
const writtenKeys = new Map<string, string>();
const MAX_WRITTEN_KEYS = 5_000;

function canonicalKey(key: string): string {
  const known = writtenKeys.get(key);
  if (known !== undefined) return known;
  const written = `${canonicalText(key)}:`;
  if (writtenKeys.size < MAX_WRITTEN_KEYS && key.length < 100) writtenKeys.set(key, written);
  return written;
}
