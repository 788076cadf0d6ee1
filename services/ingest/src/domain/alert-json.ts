import {
  DomainError,
  findUnstorableText,
  isJsonObject,
  isStorableText,
  type JsonObject,
  type JsonValue,
} from '#libs/kernel';

/** Deeper alerts are refused: PostgreSQL's parser and the canonical form are recursive, and no product nests like that. */
export const MOST_LEVELS = 100;

/**
 * The text of one alert as an object.
 *
 * A whole number that a double cannot hold becomes a text of its digits: rounded, two ids of 64 bits would be one, and
 * so would their alerts.
 *
 * @throws DomainError `invalid_json`, `invalid_character` (NUL or half a surrogate pair, which jsonb refuses) or
 * `invalid_field`, with the path of the field where there is one.
 */
export function parseAlert(text: string): JsonObject {
  const alert = parseJson(text, MOST_LEVELS);
  const unstorable = MAY_BE_UNSTORABLE.test(text) ? findUnstorableText(alert) : undefined;
  if (unstorable !== undefined) {
    throw new DomainError('invalid_character', {
      field: isStorableText(unstorable) ? unstorable : JSON.stringify(unstorable).slice(1, -1),
      reason: 'It holds the character NUL (U+0000) or half of a surrogate pair: neither can be stored.',
    });
  }
  if (!isJsonObject(alert)) {
    throw new DomainError('invalid_field', {
      field: '(root)',
      reason: `An alert is a JSON object; this is ${alert === null ? 'null' : Array.isArray(alert) ? 'a list' : `a ${typeof alert}`}.`,
    });
  }
  return alert;
}

/** An object, or the object that a text holds: some senders write the text of an alert where the alert could be. */
export function objectsIn(value: JsonValue | undefined): JsonObject[] {
  if (isJsonObject(value)) return [value];
  if (typeof value !== 'string' || !value.trimStart().startsWith('{')) return [];
  try {
    return [parseAlert(value)];
  } catch {
    // Then it is a text like any other.
    return [];
  }
}

/**
 * What cannot be stored stands in JSON as an escape, or is half of a pair that is not escaped: NUL itself is no JSON. A text
 * may speak of an escape and hold none, hence "may".
 */
const MAY_BE_UNSTORABLE = /\\u(?:0000|d[89a-f])|[\ud800-\udfff]/i;

const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONG_INTEGER = /^-?\d{16,}$/;
const HAS_LONG_INTEGER = /[:[,\s]-?\d{16}/;

/** JSON without a loss; see `parseAlert`. @throws DomainError `invalid_json`, `invalid_field` for more levels than `most` */
export function parseJson(text: string, most: number): JsonValue {
  demandShallow(text, most);
  try {
    const parsed: JsonValue = JSON.parse(text);
    if (!HAS_LONG_INTEGER.test(text)) return parsed;
    const lossless = text.replace(TEXT_OR_NUMBER, (token) =>
      LONG_INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
    );
    return lossless === text ? parsed : JSON.parse(lossless);
  } catch (error) {
    throw new DomainError('invalid_json', {
      reason: text.trim() === '' ? 'It is empty.' : `It cannot be read: ${whereItBreaks(error)}.`,
      cause: error,
    });
  }
}

/** V8's message without the quotation of the sender's text. */
function whereItBreaks(error: unknown): string {
  if (!(error instanceof Error)) return 'it is not JSON';
  return error.message.replace(/,? ?\.{0,3}".*" ?\.{0,3}is not valid JSON$/s, '').replace(/\.$/, '');
}

/** Most alerts have fewer brackets in all than they may have levels, and are not looked at by the character. */
function mayBeDeep(text: string, most: number): boolean {
  let left = most;
  for (const bracket of ['{', '[']) {
    for (let place = text.indexOf(bracket); place >= 0; place = text.indexOf(bracket, place + 1)) {
      left -= 1;
      if (left < 0) return true;
    }
  }
  return false;
}

function demandShallow(text: string, most: number): void {
  if (!mayBeDeep(text, most)) return;
  let level = 0;
  let inText = false;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (inText) {
      if (unit === BACKSLASH) index += 1;
      else if (unit === QUOTE) inText = false;
    } else if (unit === QUOTE) inText = true;
    else if (unit === OPEN_OBJECT || unit === OPEN_LIST) level += 1;
    else if (unit === CLOSE_OBJECT || unit === CLOSE_LIST) level -= 1;
    if (level > most) {
      throw new DomainError('invalid_field', {
        field: '(root)',
        reason: `It nests deeper than ${most} levels.`,
      });
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;

/**
 * The texts of the items of a JSON list, each as it was written, so that one item that cannot be read is told apart
 * from its neighbours. `undefined` when `text` is no list from its first bracket to its last.
 */
export function splitList(text: string): string[] | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('[') || !trimmed.endsWith(']')) return undefined;
  const items: string[] = [];
  let level = 0;
  let inText = false;
  let start = 1;
  for (let index = 0; index < trimmed.length; index += 1) {
    const unit = trimmed.charCodeAt(index);
    if (inText) {
      if (unit === BACKSLASH) index += 1;
      else if (unit === QUOTE) inText = false;
      continue;
    }
    if (unit === QUOTE) inText = true;
    else if (unit === OPEN_LIST || unit === OPEN_OBJECT) level += 1;
    else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) {
      level -= 1;
      if (level === 0 && index < trimmed.length - 1) return undefined;
    }
    if (level === 0 || (level === 1 && unit === COMMA)) {
      items.push(trimmed.slice(start, index).trim());
      start = index + 1;
    }
  }
  if (level !== 0 || inText) return undefined;
  return items.length === 1 && items[0] === '' ? [] : items;
}
