import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';

/**
 * What an `AnyValue` of OTLP says, in plain JSON: a `kvlistValue` is an object, an integer a number unless it is too long
 * for one. Fields that are not known are ignored, as OTLP demands.
 * @param path for errors.
 * @throws DomainError('invalid_field')
 */
export function plainValue(value: JsonValue | undefined, path: string): JsonValue {
  if (value === undefined || value === null) return null;
  if (!isJsonObject(value)) throw wrong(path, 'is no AnyValue, such as {"stringValue": "..."}');
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  if (isInteger(intValue)) return Number.isSafeInteger(Number(intValue)) ? Number(intValue) : String(intValue);
  if (typeof doubleValue === 'number' || typeof doubleValue === 'string') return doubleValue;
  if (typeof bytesValue === 'string') return bytesValue;
  if (isJsonObject(arrayValue)) {
    const inner = `${path}.arrayValue.values`;
    return listAt(arrayValue.values, inner).map((item, index) => plainValue(item, `${inner}[${index}]`));
  }
  if (isJsonObject(kvlistValue)) return plainAttributes(kvlistValue.values, `${path}.kvlistValue.values`);
  const known = Object.entries({ stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue });
  const [name] = known.find(([, found]) => found !== undefined && found !== null) ?? [];
  if (name === undefined) return null;
  throw wrong(`${path}.${name}`, 'is of another type than its name says');
}

/** A list of `KeyValue` as an object; of one key that comes twice, the last. @throws DomainError('invalid_field') */
export function plainAttributes(list: JsonValue | undefined, path: string): JsonObject {
  const entries = listAt(list, path).map((item, index): [string, JsonValue] => {
    const at = `${path}[${index}]`;
    if (!isJsonObject(item)) throw wrong(at, 'is no KeyValue, {"key": "...", "value": {...}}');
    if (typeof item.key !== 'string') throw wrong(`${at}.key`, 'is not a text');
    return [item.key, plainValue(item.value, `${at}.value`)];
  });
  return Object.fromEntries(entries);
}

/** A repeated field of a message, which may be left out. @throws DomainError('invalid_field') */
export function listAt(value: JsonValue | undefined, path: string): JsonValue[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(path, 'is not a list');
  return value;
}

/** A message that may be left out. @throws DomainError('invalid_field') */
export function messageAt(value: JsonValue | undefined, path: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw wrong(path, 'is not an object');
  return value;
}

/** Numbers of 64 bits are texts of their digits in the JSON of OTLP; a plain number is taken, too. */
const isInteger = (value: JsonValue | undefined): value is string | number =>
  typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && /^-?\d{1,20}$/.test(value);

const wrong = (field: string, reason: string): DomainError => new DomainError('invalid_field', { field, reason });
