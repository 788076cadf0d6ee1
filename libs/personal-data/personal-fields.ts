import type { TSchema } from 'typebox';
import { isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';

/** What is done to each personal field of a value: it is sealed or opened. */
export interface FieldChange {
  /** @param erased what stands for a value of this schema whose key is gone. */
  record(value: JsonValue, erased: JsonValue): JsonValue;
  /** The name of a person. */
  person(value: JsonValue): JsonValue;
  /** An open object, with all that is personal in it. */
  rest(object: JsonObject, isPersonal: (key: string) => boolean): JsonObject;
}

/** Where a schema has personal fields. */
type Place =
  | { readonly kind: 'field'; readonly subject: 'record' | 'person'; readonly erased: JsonValue }
  | { readonly kind: 'rest'; readonly open: ReadonlySet<string>; readonly properties: ReadonlyMap<string, Place> }
  | { readonly kind: 'object'; readonly properties: ReadonlyMap<string, Place> }
  | { readonly kind: 'list'; readonly items: Place };

/** What reads in the place of a value whose key was destroyed. */
export const ERASED = 'erased';

const places = new WeakMap<TSchema, Place | null>();

/** The value with each of its personal fields changed; the same object where it has none. */
export function changePersonal(schema: TSchema, value: JsonObject, change: FieldChange): JsonObject {
  const place = placeOf(schema);
  // An object's change is an object.
  return place ? (changed(place, value, change) as JsonObject) : value;
}

function changed(place: Place, value: JsonValue, change: FieldChange): JsonValue {
  if (value === null) return value;
  if (place.kind === 'field') {
    return place.subject === 'person' ? change.person(value) : change.record(value, place.erased);
  }
  if (place.kind === 'list') {
    return Array.isArray(value) ? value.map((item) => changed(place.items, item, change)) : value;
  }
  if (!isJsonObject(value)) return value;
  const object = changedProperties(place.properties, value, change);
  if (place.kind === 'object') return object;
  return change.rest(object, (key) => !place.open.has(key));
}

function changedProperties(properties: ReadonlyMap<string, Place>, value: JsonObject, change: FieldChange): JsonObject {
  const result: Record<string, JsonValue> = { ...value };
  for (const [name, place] of properties) {
    const inner = value[name];
    if (inner !== undefined && Object.hasOwn(value, name)) result[name] = changed(place, inner, change);
  }
  return result;
}

/** As JSON Schema: TypeBox's own types say nothing of annotations. */
interface SchemaFields {
  readonly type?: unknown;
  readonly 'x-personal'?: unknown;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly items?: TSchema;
  readonly anyOf?: readonly TSchema[];
}

function placeOf(schema: TSchema): Place | undefined {
  const known = places.get(schema);
  if (known !== undefined) return known ?? undefined;
  const place = findPlace(schema);
  places.set(schema, place ?? null);
  return place;
}

function findPlace(schema: TSchema): Place | undefined {
  const { type, 'x-personal': mark, properties = {}, items, anyOf = [] } = schema as SchemaFields;
  if (mark === 'record' || mark === 'person') return { kind: 'field', subject: mark, erased: erasedOf(type) };
  const inner = Object.entries(properties).flatMap(([name, property]): [string, Place][] => {
    const place = placeOf(property);
    return place ? [[name, place]] : [];
  });
  if (mark === 'rest') {
    // A property that is personal as a whole goes with the rest; one that has personal fields inside stays, and they go.
    const isWhole = new Set(inner.flatMap(([name, { kind }]) => (kind === 'field' ? [name] : [])));
    const open = new Set(Object.keys(properties).filter((name) => !isWhole.has(name)));
    return { kind: 'rest', open, properties: new Map(inner.filter(([name]) => !isWhole.has(name))) };
  }
  if (inner.length > 0) return { kind: 'object', properties: new Map(inner) };
  const item = items && placeOf(items);
  if (item) return { kind: 'list', items: item };
  // A union of ours is something or null.
  for (const branch of anyOf) {
    const place = placeOf(branch);
    if (place) return place;
  }
  return undefined;
}

function erasedOf(type: unknown): JsonValue {
  if (type === 'object') return {};
  return type === 'array' ? [] : ERASED;
}
