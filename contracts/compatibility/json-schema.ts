import { isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';

/** A JSON Schema as the contracts are written: an object of the keywords below, and annotations. */
export type JsonSchema = JsonObject;

/** The keywords that a comparison understands. */
const KEYWORDS: ReadonlySet<string> = new Set([
  ...['type', 'enum', 'const', 'anyOf', 'properties', 'required', 'additionalProperties', 'items'],
  ...['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'minimum', 'maximum'],
  ...['pattern', 'format'],
]);
/** They say something about values, and forbid none. */
const ANNOTATIONS: ReadonlySet<string> = new Set(['$schema', '$id', 'title', 'description', 'default', 'examples']);
/** How TypeBox writes a record: as the pattern that every name has. */
const EVERY_NAME = '^.*$';

const isAnnotation = (keyword: string): boolean => ANNOTATIONS.has(keyword) || keyword.startsWith('x-');

const isUnderstood = (keyword: string, value: JsonValue | undefined): boolean =>
  keyword === 'patternProperties'
    ? Object.keys(value ?? {}).every((pattern) => pattern === EVERY_NAME)
    : KEYWORDS.has(keyword) || isAnnotation(keyword);

/** Keywords that are not understood, and do not say the same in both: what they come to cannot be told. */
export function incomparable(a: JsonSchema, b: JsonSchema): string[] {
  const keywords = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keywords].filter((keyword) => {
    if (isUnderstood(keyword, a[keyword]) && isUnderstood(keyword, b[keyword])) return false;
    return JSON.stringify(a[keyword]) !== JSON.stringify(b[keyword]);
  });
}

/** Whether any value whatever is valid. */
export const allowsEverything = (schema: JsonSchema): boolean => Object.keys(schema).every(isAnnotation);

/** The schemas of which a value must have one. */
export const alternatives = (schema: JsonSchema): JsonSchema[] =>
  Array.isArray(schema.anyOf) ? schema.anyOf.filter(isJsonObject) : [schema];

/** The values that a schema names one by one; undefined when it does not. */
export function namedValues({ enum: values, const: value }: JsonSchema): JsonValue[] | undefined {
  if (value !== undefined) return [value];
  return Array.isArray(values) ? values : undefined;
}

export function typeOf({ type }: JsonSchema): string {
  if (Array.isArray(type)) return type.join(' | ');
  return typeof type === 'string' ? type : 'anything';
}

/** Whether every value of the first type is one of the second. */
export const isOfType = (type: string, wanted: string): boolean =>
  wanted === 'anything' || type === wanted || (type === 'integer' && wanted === 'number');

export const requiredIn = ({ required }: JsonSchema): ReadonlySet<JsonValue> =>
  new Set(Array.isArray(required) ? required : []);

export function propertiesOf({ properties }: JsonSchema): ReadonlyMap<string, JsonSchema> {
  const entries = Object.entries(properties ?? {});
  return new Map(entries.flatMap(([name, schema]) => (isJsonObject(schema) ? [[name, schema] as const] : [])));
}

/** What a field that is not named must be; undefined where there may be none. */
export function restOf({ additionalProperties, patternProperties }: JsonSchema): JsonSchema | undefined {
  const ofRecord = isJsonObject(patternProperties) ? patternProperties[EVERY_NAME] : undefined;
  if (isJsonObject(ofRecord)) return ofRecord;
  if (additionalProperties === false) return undefined;
  return isJsonObject(additionalProperties) ? additionalProperties : {};
}

export const itemsOf = ({ items }: JsonSchema): JsonSchema => (isJsonObject(items) ? items : {});

/** In few words, for a message. */
export function describe(schema: JsonSchema): string {
  const values = namedValues(schema);
  return values === undefined ? typeOf(schema) : values.map((value) => JSON.stringify(value)).join(' | ');
}

/** The schema without what forbids nothing: what is kept of a release. */
export function withoutAnnotations(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema).filter(([keyword]) => !ANNOTATIONS.has(keyword));
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (keyword === 'properties' && isJsonObject(value)) {
        const properties = Object.entries(value).map(([name, property]) => [name, bare(property)]);
        return [keyword, Object.fromEntries(properties)];
      }
      return [keyword, keyword === 'const' || keyword === 'enum' ? value : bare(value)];
    }),
  );
}

function bare(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(bare);
  return isJsonObject(value) ? withoutAnnotations(value) : value;
}
