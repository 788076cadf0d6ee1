import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { parseTime } from './alert-time';

/**
 * Reads an alert by field paths, whatever shape its sender gave it: `rule.name` finds nested objects, flat keys with
 * dots, and mixtures; a list on the way stands for each of its items. Only own properties are read, so that a key such
 * as `__proto__` is a key like any other.
 */
export class AlertFields {
  constructor(readonly alert: JsonObject) {}

  /** Every value at `path`, lists flattened; empty when there is none. */
  values(path: string): readonly JsonValue[] {
    return valuesAt(this.alert, stepsOf(path), 0);
  }

  has(path: string): boolean {
    return this.values(path).length > 0;
  }

  /** The first text or number at the first of `paths` that has one, trimmed; a text that says nothing does not count. */
  text(...paths: readonly string[]): string | undefined {
    return this.texts(...paths)[0];
  }

  /** All texts and numbers at the first of `paths` that has any. */
  texts(...paths: readonly string[]): readonly string[] {
    for (const path of paths) {
      const texts = textsIn(this.values(path));
      if (texts.length > 0) return texts;
    }
    return [];
  }

  /** All texts and numbers at all of `paths`, without repetition. */
  everyText(...paths: readonly string[]): string[] {
    if (paths.length === 0) return [];
    const all = new Set<string>();
    for (const path of paths) for (const text of textsIn(this.values(path))) all.add(text);
    return [...all];
  }

  number(...paths: readonly string[]): number | undefined {
    for (const path of paths) {
      for (const text of this.texts(path)) {
        const number = Number(text);
        if (Number.isFinite(number)) return number;
      }
    }
    return undefined;
  }

  /** A port number, 1 to 65535. */
  port(...paths: readonly string[]): number | undefined {
    const port = this.number(...paths);
    return port !== undefined && Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined;
  }

  /**
   * Milliseconds since the epoch; `undefined` when none of `paths` is there.
   * @throws DomainError('invalid_field') when the first one that is there is no time.
   */
  time(...paths: readonly string[]): number | undefined {
    for (const path of paths) {
      const [text] = this.texts(path);
      if (text === undefined || NO_TIME.test(text)) continue;
      const time = parseTime(text);
      if (time === undefined) {
        throw new DomainError('invalid_field', {
          field: path,
          reason: `'${shortened(text)}' is not a time: send RFC 3339 (2026-11-24T14:05:00Z) or seconds since 1970.`,
        });
      }
      return time;
    }
    return undefined;
  }
}

/** What senders write where they have nothing. */
const SAYS_NOTHING = new Set(['', '-', '--', 'null', 'none', 'n/a', 'unknown', 'undefined', '(null)', '<empty>']);

const LONGEST_NOTHING = Math.max(...[...SAYS_NOTHING].map(({ length }) => length));

/** The zero of a clock: what programs write where no time was set. */
const NO_TIME = /^(?:0|(?:1970|0001)-01-01[T ]00:00:00(?:[.]0+)?Z?)$/;

/** Loops instead of flatMap, here and below: a mapping asks for a hundred paths, of which most are not there. */
function textsIn(values: readonly JsonValue[]): readonly string[] {
  if (values.length === 0) return NONE;
  const texts: string[] = [];
  for (const value of values) {
    if (typeof value === 'number') texts.push(String(value));
    else if (typeof value === 'string') {
      const text = value.trim();
      if (text.length > LONGEST_NOTHING || !SAYS_NOTHING.has(text.toLowerCase())) texts.push(text);
    }
  }
  return texts;
}

const NONE: readonly never[] = [];

/** From each part of a path on: the keys that may be next, the longest first, and where they lead. */
type Steps = readonly (readonly { readonly key: string; readonly to: number }[])[];

/** Paths come from formats and mappings, never from alerts: there are only so many. */
const knownSteps = new Map<string, Steps>();

function stepsOf(path: string): Steps {
  const known = knownSteps.get(path);
  if (known !== undefined) return known;
  const parts = path.split('.');
  const steps = parts.map((_, from) =>
    parts
      .slice(from)
      .map((_part, more) => ({ key: parts.slice(from, from + more + 1).join('.'), to: from + more + 1 }))
      .reverse(),
  );
  knownSteps.set(path, steps);
  return steps;
}

function valuesAt(value: JsonValue, steps: Steps, from: number): readonly JsonValue[] {
  if (Array.isArray(value)) return valuesOfItems(value, steps, from);
  const next = steps[from];
  if (next === undefined) return value === null ? NONE : [value];
  if (!isJsonObject(value)) return NONE;
  for (const { key, to } of next) {
    const inner = Object.hasOwn(value, key) ? value[key] : undefined;
    if (inner === undefined) continue;
    const found = valuesAt(inner, steps, to);
    if (found.length > 0) return found;
  }
  return NONE;
}

function valuesOfItems(items: readonly JsonValue[], steps: Steps, from: number): readonly JsonValue[] {
  const found: JsonValue[] = [];
  for (const item of items) for (const value of valuesAt(item, steps, from)) found.push(value);
  return found;
}

/** For messages, which are stored too: a value of the sender's, cut, without what cannot be stored. */
export function shortened(text: string, length = 80): string {
  const cut = text.length <= length ? text : `${text.slice(0, length)}...`;
  return cut.replaceAll('\0', '\ufffd').toWellFormed();
}
