import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import type { AlertFormat } from './formats/alert-format';
import type { FormatRegistry } from './formats/format-registry';
import { membersOf } from './json-members';

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
  const members = membersOf(text);
  if (key === undefined) return members.map((member) => member.text);
  if (text.startsWith('[')) return members.flatMap((member) => textsAt(member.text, [key, ...rest]));
  // The last of two equal keys counts, as it does for JSON.parse.
  const value = members.findLast((member) => member.key === key)?.text;
  return value === undefined ? [] : textsAt(value, rest);
}
