import { Check } from 'typebox/schema';
import type { JsonValue } from '#libs/kernel';
import {
  allowsEverything,
  alternatives,
  describe,
  incomparable,
  isOfType,
  itemsOf,
  type JsonSchema,
  namedValues,
  propertiesOf,
  requiredIn,
  restOf,
  typeOf,
} from './json-schema';

/** One thing that a change of a schema breaks. */
export interface Break {
  /** The path of the field, `observables[].score`; empty for the whole. */
  readonly field: string;
  readonly reason: string;
}

export const fieldIn = (field: string, name: string): string => (field === '' ? name : `${field}.${name}`);

const LOWER_BOUNDS = ['minLength', 'minItems', 'minProperties', 'minimum'] as const;
const UPPER_BOUNDS = ['maxLength', 'maxItems', 'maxProperties', 'maximum'] as const;
const FORMS = ['pattern', 'format'] as const;

/**
 * Why something that was valid by `before` may not be valid by `now`: for what is written already and must still be
 * read, as events are, and for what others go on sending, as requests are. A field that is gone is named too, even where
 * the schema would allow it: nobody would read it any more.
 *
 * Nothing is found when `now` only allows more. What cannot be compared counts as broken.
 */
export function narrowings(before: JsonSchema, now: JsonSchema, field = ''): Break[] {
  if (allowsEverything(now)) return [];
  const choices = alternatives(now);
  const isUnion = before.anyOf !== undefined || now.anyOf !== undefined;
  return alternatives(before).flatMap((alternative) => {
    const outcomes = choices.map((choice) => ({ choice, breaks: ofPlain(alternative, choice, field) }));
    if (outcomes.some(({ breaks }) => breaks.length === 0)) return [];
    // What it has become, where that can be told: what was narrowed in it says more than that it does not fit.
    const [only, ...others] = isUnion ? outcomes.filter(({ choice }) => isAlike(alternative, choice)) : outcomes;
    if (only && others.length === 0) return only.breaks;
    return [{ field, reason: `no longer allows ${describe(alternative)}` }];
  });
}

const isAlike = (a: JsonSchema, b: JsonSchema): boolean => typeOf(a) === typeOf(b);

function ofPlain(before: JsonSchema, now: JsonSchema, field: string): Break[] {
  const unknown = incomparable(before, now);
  if (unknown.length > 0) return [{ field, reason: `cannot be compared: ${unknown.join(', ')} has changed` }];
  const values = namedValues(before);
  if (values !== undefined) return lostValues(values, now, field);
  if (!isOfType(typeOf(before), typeOf(now))) {
    return [{ field, reason: `was ${typeOf(before)}, and must be ${typeOf(now)} now` }];
  }
  if (namedValues(now) !== undefined) return [{ field, reason: `allows only ${describe(now)} now` }];
  return [
    ...unmarked(before, now, field),
    ...tighterLimits(before, now, field),
    ...(typeOf(now) === 'object' ? inObject(before, now, field) : []),
    ...(typeOf(now) === 'array' ? narrowings(itemsOf(before), itemsOf(now), `${field}[]`) : []),
  ];
}

/** What was written while a field was personal is sealed, and would be shown sealed. */
function unmarked(before: JsonSchema, now: JsonSchema, field: string): Break[] {
  const was = before['x-personal'] !== undefined && now['x-personal'] === undefined;
  return was ? [{ field, reason: 'is no longer marked as personal, and what is sealed would stay so' }] : [];
}

function lostValues(values: readonly JsonValue[], now: JsonSchema, field: string): Break[] {
  const lost = values.filter((value) => !Check(now, value));
  return lost.map((value) => ({ field, reason: `no longer allows ${JSON.stringify(value)}` }));
}

function tighterLimits(before: JsonSchema, now: JsonSchema, field: string): Break[] {
  const tightened = [
    ...LOWER_BOUNDS.filter((keyword) => boundOf(now[keyword], -Infinity) > boundOf(before[keyword], -Infinity)),
    ...UPPER_BOUNDS.filter((keyword) => boundOf(now[keyword], Infinity) < boundOf(before[keyword], Infinity)),
    ...FORMS.filter((keyword) => !isSameOrWider(before[keyword], now[keyword])),
  ];
  return tightened.map((keyword) => {
    const was = before[keyword] === undefined ? 'there was none' : `it was ${JSON.stringify(before[keyword])}`;
    return { field, reason: `${keyword} is ${JSON.stringify(now[keyword])} now, and ${was}` };
  });
}

/** In a pattern, `(case|run|approval)`. */
const LISTED_WORDS = /\(([\w-]+(?:\|[\w-]+)*)\)/g;

/** A pattern that lists more words than before is wider; of any other change nobody can tell. */
function isSameOrWider(before: JsonValue | undefined, now: JsonValue | undefined): boolean {
  if (now === undefined || now === before) return true;
  if (typeof before !== 'string' || typeof now !== 'string') return false;
  if (before.replaceAll(LISTED_WORDS, '()') !== now.replaceAll(LISTED_WORDS, '()')) return false;
  const wordsIn = (pattern: string) => [...pattern.matchAll(LISTED_WORDS)].map(([, words = '']) => words.split('|'));
  const lists = wordsIn(now);
  return wordsIn(before).every((words, index) => words.every((word) => lists[index]?.includes(word)));
}

const boundOf = (value: JsonValue | undefined, none: number): number => (typeof value === 'number' ? value : none);

function inObject(before: JsonSchema, now: JsonSchema, field: string): Break[] {
  const [earlier, current] = [propertiesOf(before), propertiesOf(now)];
  const [known, wanted] = [requiredIn(before), requiredIn(now)];
  const kept = [...earlier].flatMap(([name, schema]) => {
    const path = fieldIn(field, name);
    const successor = current.get(name);
    if (successor === undefined) return [{ field: path, reason: 'was removed' }];
    const isDemanded = wanted.has(name) && !known.has(name);
    return [
      ...(isDemanded ? [{ field: path, reason: 'was optional, and is required now' }] : []),
      ...narrowings(schema, successor, path),
    ];
  });
  const rest = restOf(before);
  const added = [...current].flatMap(([name, schema]) => {
    if (earlier.has(name)) return [];
    const path = fieldIn(field, name);
    if (wanted.has(name)) return [{ field: path, reason: 'is new and required' }];
    // Where fields that are not named were allowed, there may be one of that name with something else in it.
    return rest === undefined ? [] : narrowings(rest, schema, path);
  });
  return [...kept, ...added, ...inRest(rest, restOf(now), field)];
}

function inRest(before: JsonSchema | undefined, now: JsonSchema | undefined, field: string): Break[] {
  if (before === undefined) return [];
  if (now === undefined) return [{ field, reason: 'no longer allows fields that are not named' }];
  return narrowings(before, now, fieldIn(field, '*'));
}
