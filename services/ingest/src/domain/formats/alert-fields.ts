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
    const values: JsonValue[] = [];
    return gather(this.alert, stepsOf(path), 0, values) ? values : NONE;
  }

  has(path: string): boolean {
    return this.gathered(path).length > 0;
  }

  /** The first text or number at the first of `paths` that has one, trimmed; a text that says nothing does not count. */
  text(...paths: readonly string[]): string | undefined {
    for (const path of paths) {
      for (const value of this.gathered(path)) {
        const text = textOf(value);
        if (text !== undefined) return text;
      }
    }
    return undefined;
  }

  /** All texts and numbers at the first of `paths` that has any. */
  texts(...paths: readonly string[]): readonly string[] {
    for (const path of paths) {
      const texts = textsIn(this.gathered(path));
      if (texts.length > 0) return texts;
    }
    return [];
  }

  /** All texts and numbers at all of `paths`, without repetition. */
  everyText(...paths: readonly string[]): string[] {
    let all: Set<string> | undefined;
    for (const path of paths) for (const text of textsIn(this.gathered(path))) (all ??= new Set()).add(text);
    return all === undefined ? [] : [...all];
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

  /** The values at `path`, until the next call. */
  private gathered(path: string): readonly JsonValue[] {
    scratch.length = 0;
    gather(this.alert, stepsOf(path), 0, scratch);
    return scratch;
  }
}

/** A mapping asks for a hundred paths, of which most are not there: one list serves all of them. */
const scratch: JsonValue[] = [];

/** What senders write where they have nothing. */
const SAYS_NOTHING = new Set(['', '-', '--', 'null', 'none', 'n/a', 'unknown', 'undefined', '(null)', '<empty>']);

const LONGEST_NOTHING = Math.max(...[...SAYS_NOTHING].map(({ length }) => length));

/** The zero of a clock: what programs write where no time was set. */
const NO_TIME = /^(?:0|(?:1970|0001)-01-01[T ]00:00:00(?:[.]0+)?Z?)$/;

function textsIn(values: readonly JsonValue[]): readonly string[] {
  if (values.length === 0) return NONE;
  const texts: string[] = [];
  for (const value of values) {
    const text = textOf(value);
    if (text !== undefined) texts.push(text);
  }
  return texts;
}

function textOf(value: JsonValue): string | undefined {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text.length > LONGEST_NOTHING || !SAYS_NOTHING.has(text.toLowerCase()) ? text : undefined;
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

/** Puts the values at the end of a path into `found`. @returns whether there are any. */
function gather(value: JsonValue, steps: Steps, from: number, found: JsonValue[]): boolean {
  if (Array.isArray(value)) {
    const before = found.length;
    for (const item of value) gather(item, steps, from, found);
    return found.length > before;
  }
  const next = steps[from];
  if (next === undefined) {
    if (value !== null) found.push(value);
    return value !== null;
  }
  if (!isJsonObject(value)) return false;
  for (const { key, to } of next) {
    const inner = Object.hasOwn(value, key) ? value[key] : undefined;
    if (inner !== undefined && gather(inner, steps, to, found)) return true;
  }
  return false;
}

/** For messages, which are stored too: a value of the sender's, cut, without what cannot be stored. */
export function shortened(text: string, length = 80): string {
  const cut = text.length <= length ? text : `${text.slice(0, length)}...`;
  return cut.replaceAll('\0', '\ufffd').toWellFormed();
}
