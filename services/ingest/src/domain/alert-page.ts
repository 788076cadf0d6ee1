import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import type { AlertFormat } from './formats/alert-format';
import type { FormatRegistry } from './formats/format-registry';

/** A page holds no more; more than the APIs of products give at once. */
export const MOST_IN_PAGE = 10_000;

/**
 * The texts of the alerts in a reply of a product's API, each as it was written, so that each is received, and told from
 * its neighbours, by itself. `undefined` when `alert` is an alert, or no page that is known.
 *
 * Where the format is not named, a page is known by its first alert, and only what looks like no alert can be one.
 *
 * @param text that `alert` was parsed from.
 * @param named the format that the sender or the source names; only an alert that is none of it is looked at.
 * @throws DomainError('invalid_field') for a page of more than MOST_IN_PAGE alerts.
 */
export function alertsOfPage(
  text: string,
  alert: JsonObject,
  named: AlertFormat | undefined,
  formats: FormatRegistry,
): string[] | undefined {
  const candidates = named === undefined ? formats.withPages() : named.pages === undefined ? [] : [named];
  const format = candidates.find((candidate) => isPageOf(candidate, alert, named !== undefined));
  if (format === undefined) return undefined;
  const texts = (format.pages ?? []).flatMap((path) => textsAt(text, path.split('.')));
  if (texts.length <= MOST_IN_PAGE) return texts;
  throw new DomainError('invalid_field', {
    field: format.pages?.[0],
    reason: `A page of ${texts.length} alerts: send at most ${MOST_IN_PAGE} at once, or NDJSON.`,
  });
}

function isPageOf(format: AlertFormat, alert: JsonObject, isNamed: boolean): boolean {
  const lists = (format.pages ?? []).map((path) => itemsAt(alert, path.split('.')));
  if (isNamed) return lists.some((list) => list !== undefined);
  const first = lists.flatMap((list) => list ?? [])[0];
  return isJsonObject(first) && format.recognizes(first);
}

/** What stands in the list or object at the end of a path; lists on the way stand for each of their items. */
function itemsAt(value: JsonValue | undefined, [key, ...rest]: readonly string[]): JsonValue[] | undefined {
  if (key === undefined) {
    if (Array.isArray(value)) return value;
    return isJsonObject(value) && Object.values(value).every(isJsonObject) ? Object.values(value) : undefined;
  }
  if (Array.isArray(value)) {
    const found = value.flatMap((item) => itemsAt(item, [key, ...rest]) ?? []);
    return found.length > 0 ? found : undefined;
  }
  return isJsonObject(value) && Object.hasOwn(value, key) ? itemsAt(value[key], rest) : undefined;
}

function textsAt(text: string, [key, ...rest]: readonly string[]): string[] {
  const children = childrenOf(text);
  if (key === undefined) return children.map((child) => child.text);
  if (text.startsWith('[')) return children.flatMap((child) => textsAt(child.text, [key, ...rest]));
  // The last of two equal keys counts, as it does for JSON.parse.
  const value = children.findLast((child) => child.key === key)?.text;
  return value === undefined ? [] : textsAt(value, rest);
}

interface Child {
  /** Of an object's value. */
  readonly key?: string;
  readonly text: string;
}

/** The values directly inside a JSON list or object, as they are written; none for anything else. Valid JSON only. */
function childrenOf(text: string): Child[] {
  const children: Child[] = [];
  let level = 0;
  let start = 0;
  let key: string | undefined;
  const end = (index: number) => {
    const child = text.slice(start, index).trim();
    if (child !== '') children.push({ key, text: child });
    start = index + 1;
    key = undefined;
  };
  for (let index = 0; index < text.length; index += 1) {
    const sign = text[index];
    if (sign === '"') index = endOfText(text, index);
    else if (sign === '[' || sign === '{') {
      level += 1;
      if (level === 1) start = index + 1;
    } else if (sign === ']' || sign === '}') {
      level -= 1;
      if (level === 0) end(index);
    } else if (level === 1 && sign === ',') end(index);
    else if (level === 1 && sign === ':') {
      key = String(JSON.parse(text.slice(start, index)));
      start = index + 1;
    }
  }
  return children;
}

/** Where the text ends whose first quotation mark is at `start`. */
function endOfText(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index;
}
