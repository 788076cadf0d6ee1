import { DomainError, isJsonObject, type JsonValue } from '#libs/kernel';
import type { VariableValue } from './model/variable';

/** A variable while a playbook runs: numbers and booleans stay encoded as texts, as CACAO writes them. */
export interface TypedValue {
  readonly type: string;
  readonly value: VariableValue;
}

const INTEGER = /^[+-]?\d{1,18}$/;
const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

export const isIntegerType = (type: string): boolean => type === 'integer' || type === 'long';

/**
 * Whether a value is one of its declared type: the reason why not, or `undefined`. Null ("not known") fits every type.
 * Addresses and hashes are not looked into: the connector that is given one judges it.
 */
export function mistypedReason(type: string, value: VariableValue): string | undefined {
  if (value === null) return undefined;
  if (type === 'dictionary')
    return isJsonObject(value) ? undefined : 'must be an object, because it is declared dictionary';
  if (typeof value !== 'string') return `must be a text, because it is declared ${type}`;
  if (isIntegerType(type) && !INTEGER.test(value)) return `must be a whole number in a text, like "42"`;
  if (type === 'float' && !FLOAT.test(value)) return `must be a number in a text, like "0.5"`;
  if (type === 'bool' && value !== 'true' && value !== 'false') return `must be "true" or "false"`;
  return undefined;
}

/**
 * What an action or a person gave, in the form that a variable of `type` holds.
 * @throws DomainError('invalid_field') naming `field` when it does not fit the type.
 */
export function encodeValue(type: string, given: JsonValue | undefined, field: string): VariableValue {
  const value = encoded(type, given);
  const reason = mistypedReason(type, value);
  if (reason !== undefined) throw new DomainError('invalid_field', { field, reason });
  return value;
}

function encoded(type: string, given: JsonValue | undefined): VariableValue {
  if (given === undefined || given === null) return null;
  if (typeof given === 'string') return given;
  if (type === 'dictionary' && isJsonObject(given)) return given;
  if (typeof given === 'object') return JSON.stringify(given);
  return String(given);
}

/** The value as JSON, for a parameter that consists of nothing but the variable. */
export function decodeValue({ type, value }: TypedValue): JsonValue {
  if (typeof value !== 'string') return value as JsonValue;
  if (isIntegerType(type) && Number.isSafeInteger(Number(value))) return Number(value);
  if (type === 'float') return Number(value);
  if (type === 'bool') return value === 'true';
  return value;
}

/** The value inside a longer text. */
export function textOfValue({ value }: TypedValue): string {
  if (value === null) return UNKNOWN_IN_TEXT;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a text says where a variable has no value. */
export const UNKNOWN_IN_TEXT = 'unknown';
