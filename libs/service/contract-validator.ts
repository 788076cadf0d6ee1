import addFormats from 'ajv-formats';
import Ajv2020, { type ErrorObject, type ValidateFunction } from 'ajv/dist/2020';
import type { TSchema } from 'typebox';
import { DomainError, type ErrorCode } from '#libs/kernel';
import { fieldErrors, type FieldErrors } from './field-errors';

const options = { allErrors: true, strict: false, allowUnionTypes: true, verbose: true } as const;
const strictTypes = addFormats(new Ajv2020(options));
const coercing = addFormats(new Ajv2020({ ...options, coerceTypes: 'array', useDefaults: true }));

const compiled = { exact: new WeakMap<TSchema, ValidateFunction>(), coerced: new WeakMap<TSchema, ValidateFunction>() };

/** `exact`: as it is, for JSON bodies. `coerced`: texts become numbers and booleans and defaults are filled in, in place. */
export type Coercion = 'exact' | 'coerced';

/**
 * What is wrong with `value` by a schema of the contracts, a field at a time and in words for people. Empty when
 * nothing is. A schema is compiled at its first use and kept.
 */
export function findFieldErrors(schema: TSchema, value: unknown, coercion: Coercion = 'exact'): FieldErrors {
  const cache = compiled[coercion];
  let validate = cache.get(schema);
  if (validate === undefined) {
    validate = (coercion === 'exact' ? strictTypes : coercing).compile(schema);
    cache.set(schema, validate);
  }
  const valid = validate(value);
  return valid ? [] : fieldErrors(validate.errors ?? ([] satisfies ErrorObject[]));
}

/**
 * Throws DomainError naming the field and the reason of every failing field: `unknown_field` when the only trouble is
 * a field that the contract does not have, `invalid_field` otherwise. `root` names the whole value: `body`, `query`.
 */
export function demandValid(schema: TSchema, value: unknown, root: string, coercion: Coercion = 'exact'): void {
  const errors = findFieldErrors(schema, value, coercion);
  const [first] = errors;
  if (first === undefined) return;
  const code: ErrorCode = errors.every((error) => error.unknown) ? 'unknown_field' : 'invalid_field';
  const named = errors.map(({ field, reason }) => ({ field: field || root, reason }));
  throw new DomainError(code, {
    field: first.field || root,
    reason: named.length === 1 ? first.reason : `${first.reason} (and ${named.length - 1} more, see errors)`,
    errors: named,
  });
}
