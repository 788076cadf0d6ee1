import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { decodeValue, textOfValue, type TypedValue } from './variable-value';

/** `__name__:value`; the shortest name, so that `__a__:value__b__:value` is two references. */
const REFERENCE = /(__[a-zA-Z_][\w-]{0,199}?__):value/g;
const ONLY_REFERENCE = /^(__[a-zA-Z_][\w-]{0,199}?__):value$/;

export type Lookup = (name: string) => TypedValue | undefined;

/** The variables that a text, or any text inside a value, refers to. */
export function referencesIn(value: unknown): string[] {
  if (typeof value === 'string') return [...value.matchAll(REFERENCE)].map((match) => match[1] ?? '');
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  return isJsonObject(value) ? Object.values(value).flatMap(referencesIn) : [];
}

/**
 * A text with every reference replaced by the variable's value, once: what a value holds is never read as a template
 * again, so that an alert cannot smuggle a reference in.
 * @throws DomainError('invalid_playbook') for a variable that does not exist.
 */
export function fillText(text: string, lookup: Lookup): string {
  return text.replace(REFERENCE, (_, name: string) => textOfValue(demand(name, lookup)));
}

/** The same in every text of a value; a text that is nothing but one reference becomes the value itself, by its type. */
export function fillValue(value: JsonValue, lookup: Lookup): JsonValue {
  if (typeof value === 'string') {
    const only = ONLY_REFERENCE.exec(value)?.[1];
    return only === undefined ? fillText(value, lookup) : decodeValue(demand(only, lookup));
  }
  if (Array.isArray(value)) return value.map((item) => fillValue(item, lookup));
  return isJsonObject(value) ? fillObject(value, lookup) : value;
}

export function fillObject(object: JsonObject, lookup: Lookup): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, fillValue(value, lookup)]));
}

/** The variable, when the text is nothing but a reference to it and it has no value: there is nothing to aim at. */
export function missingIn(text: string, lookup: Lookup): string | undefined {
  return referencesIn(text).find((name) => {
    const found = demand(name, lookup);
    return found.value === null || found.value === '';
  });
}

function demand(name: string, lookup: Lookup): TypedValue {
  const found = lookup(name);
  if (found === undefined) {
    throw new DomainError('invalid_playbook', { field: name, reason: 'there is no such variable here' });
  }
  return found;
}
