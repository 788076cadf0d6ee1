/** What JSON can say, and so what an event, a message or a request body can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The path of the first text in `value` (or key) that PostgreSQL's jsonb refuses: one with NUL or a lone surrogate.
 * `undefined` when there is none. Paths look like `result.user[0]`.
 */
export function findUnstorableText(value: JsonValue, path = ''): string | undefined {
  if (typeof value === 'string') return isStorableText(value) ? undefined : path || '(root)';
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = findUnstorableText(item, `${path}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      const inner = path ? `${path}.${key}` : key;
      if (!isStorableText(key)) return inner.replaceAll('\0', '\\u0000');
      const found = findUnstorableText(item, inner);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
