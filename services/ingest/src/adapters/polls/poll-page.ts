import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { membersOf } from '../../domain/json-members';
import type { ListedAlert } from './poll-api';

/**
 * The members of an answer's object, each as it was written: of an answer in which one alert is no JSON, too.
 * @throws DomainError('answer_unreadable') when it is no object from its first brace to its last.
 */
export function answerOf(text: string): ReadonlyMap<string, string> {
  const trimmed = text.trim();
  try {
    if (trimmed.startsWith('{') && trimmed.endsWith('}')) {
      return new Map(membersOf(trimmed).flatMap(({ key, text: value }) => (key === undefined ? [] : [[key, value]])));
    }
  } catch {
    // A name that is none.
  }
  throw unreadable('It is no JSON object.');
}

/**
 * The alerts in the list that a member holds.
 * @param modified where an alert says when it was changed.
 * @throws DomainError('answer_unreadable') when there is no such list.
 */
export function alertsIn(
  answer: ReadonlyMap<string, string>,
  name: string,
  modified: readonly string[],
): ListedAlert[] {
  const list = answer.get(name);
  if (list === undefined || !list.startsWith('[') || !list.endsWith(']')) {
    throw unreadable(`It has no list "${name}".`);
  }
  return membersOf(list).map(({ text }) => ({ text, modifiedAt: modifiedAt(text, modified) }));
}

/** The texts in the list that a member holds. @throws DomainError('answer_unreadable') */
export function textsIn(answer: ReadonlyMap<string, string>, name: string): string[] {
  const list = parsed(answer.get(name) ?? '');
  if (Array.isArray(list)) return list.filter((item): item is string => typeof item === 'string' && item !== '');
  throw unreadable(`It has no list "${name}".`);
}

/** The text of a member; undefined where it is empty or something else. */
export function textIn(answer: ReadonlyMap<string, string>, name: string): string | undefined {
  const text = parsed(answer.get(name) ?? '');
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** An answer that is small and has to be whole. @throws DomainError('answer_unreadable') */
export function objectOf(text: string): JsonObject {
  const object = parsed(text);
  if (isJsonObject(object)) return object;
  throw unreadable('It is no JSON object.');
}

export const unreadable = (what: string): DomainError =>
  new DomainError('answer_unreadable', `The answer of the API cannot be read. ${what}`);

function modifiedAt(text: string, path: readonly string[]): number | undefined {
  let value: JsonValue | undefined = parsed(text);
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined;
  const time = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

function parsed(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
