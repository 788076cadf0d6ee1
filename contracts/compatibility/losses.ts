import {
  allowsEverything,
  alternatives,
  describe,
  isOfType,
  itemsOf,
  type JsonSchema,
  propertiesOf,
  requiredIn,
  restOf,
  typeOf,
} from './json-schema';
import { type Break, fieldIn } from './narrowings';

/**
 * What somebody who reads answers by `before` no longer finds in what is written by `now`. They must do without fields
 * and values that they do not know, so that new ones break nothing; what is gone, may be missing, or is of another type
 * does.
 */
export function losses(before: JsonSchema, now: JsonSchema, field = ''): Break[] {
  if (allowsEverything(before)) return [];
  if (allowsEverything(now)) return [{ field, reason: `was ${describe(before)}, and may be anything now` }];
  const known = alternatives(before);
  return alternatives(now).flatMap((alternative) => {
    const outcomes = known
      .filter((one) => isOfType(typeOf(alternative), typeOf(one)))
      .map((one) => ofPlain(one, alternative, field));
    const [first] = outcomes;
    if (first === undefined)
      return [{ field, reason: `may be ${typeOf(alternative)} now, and was ${known.map(typeOf).join(' | ')}` }];
    return outcomes.some((breaks) => breaks.length === 0) ? [] : first;
  });
}

function ofPlain(before: JsonSchema, now: JsonSchema, field: string): Break[] {
  if (typeOf(before) === 'array') return losses(itemsOf(before), itemsOf(now), `${field}[]`);
  if (typeOf(before) !== 'object') return [];
  const current = propertiesOf(now);
  const [known, promised] = [requiredIn(before), requiredIn(now)];
  const named = [...propertiesOf(before)].flatMap(([name, schema]) => {
    const path = fieldIn(field, name);
    const successor = current.get(name);
    if (successor === undefined) return [{ field: path, reason: 'was removed' }];
    const mayBeMissing = known.has(name) && !promised.has(name);
    return [
      ...(mayBeMissing ? [{ field: path, reason: 'was always there, and may be missing now' }] : []),
      ...losses(schema, successor, path),
    ];
  });
  const [rest, restNow] = [restOf(before), restOf(now)];
  return rest === undefined || restNow === undefined
    ? named
    : [...named, ...losses(rest, restNow, fieldIn(field, '*'))];
}
