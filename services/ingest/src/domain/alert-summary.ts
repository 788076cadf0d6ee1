import { isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';

/** How much is left of what is long, from mild to harsh. Texts in UTF-16 units. */
const MEASURES = [
  { text: 8_192, items: 200, keys: 500, levels: 20 },
  { text: 2_048, items: 50, keys: 200, levels: 12 },
  { text: 512, items: 10, keys: 100, levels: 8 },
  { text: 128, items: 3, keys: 40, levels: 5 },
] as const;
type Measure = (typeof MEASURES)[number];

/**
 * A JSON value in at most `most` bytes: as it is, else with long texts and lists cut short, as little as will do.
 * `undefined` where nothing helps.
 */
export function summaryOf(value: JsonValue, most: number): JsonValue | undefined {
  if (sizeOf(value) <= most) return value;
  for (const measure of MEASURES) {
    const shorter = shortened(value, measure, measure.levels);
    if (sizeOf(shorter) <= most) return shorter;
  }
  return undefined;
}

const sizeOf = (value: JsonValue): number => Buffer.byteLength(JSON.stringify(value));

function shortened(value: JsonValue, measure: Measure, levels: number): JsonValue {
  if (typeof value === 'string') return value.length <= measure.text ? value : cut(value, measure.text);
  if (Array.isArray(value)) {
    return levels === 0 ? [] : value.slice(0, measure.items).map((item) => shortened(item, measure, levels - 1));
  }
  if (!isJsonObject(value)) return value;
  const entries = levels === 0 ? [] : Object.entries(value).slice(0, measure.keys);
  const kept = entries.map(([key, inner]) => [cut(key, measure.text), shortened(inner, measure, levels - 1)] as const);
  return Object.fromEntries<JsonValue>(kept) satisfies JsonObject;
}

/** Never between the halves of a surrogate pair, which could not be stored. */
const cut = (text: string, length: number): string =>
  text.length <= length
    ? text
    : text
        .slice(0, length)
        .toWellFormed()
        .replace(/\ufffd$/, '');
