import Type, { type TObject, type TProperties, type TSchema } from 'typebox';

/** Closed object: unknown keys are refused (CACAO and HTTP bodies must say so by name). */
export function Closed<P extends TProperties>(properties: P, options: Record<string, unknown> = {}): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/**
 * Invariant 9: marks a field as personal data, which is encrypted in the ledger and on the bus under the key of the record
 * that it belongs to: the alert, else the case, else the stream. The annotation stands in the JSON Schema as `x-personal`.
 */
export function Personal<S extends TSchema>(schema: S): S {
  return { ...schema, 'x-personal': 'record' };
}

/** A field whose whole value is the name of a person (a login): encrypted under that person's key. */
export function PersonName<S extends TSchema>(schema: S): S {
  return { ...schema, 'x-personal': 'person' };
}

/** An open object of which all is personal but the properties that the schema names without marking them. */
export function PersonalRest<S extends TSchema>(schema: S): S {
  return { ...schema, 'x-personal': 'rest' };
}

export const Uuid = Type.String({ format: 'uuid' });
/** RFC 3339, UTC. */
export const Timestamp = Type.String({ format: 'date-time' });
/** SHA-256 in lower-case hexadecimal. */
export const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const Text = (maxLength: number, minLength = 1) => Type.String({ minLength, maxLength });
/** Any JSON object. */
export const AnyObject = Type.Record(Type.String(), Type.Unknown());
export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
export const Literals = <const L extends readonly string[]>(...values: L) =>
  Type.Unsafe<L[number]>({ type: 'string', enum: [...values] });
