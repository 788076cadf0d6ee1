import { DomainError } from '#libs/kernel';

/** A cursor of a list: the sort key of the last item of the page, opaque to the caller. */
export function toCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key), 'utf8').toString('base64url');
}

/**
 * The key in `cursor`, as `types` say its parts are; undefined without a cursor.
 * @throws DomainError('invalid_cursor') for a text that the list has not given.
 */
export function fromCursor<const Types extends readonly ('string' | 'number')[]>(
  cursor: string | undefined,
  types: Types,
): { [K in keyof Types]: Types[K] extends 'string' ? string : number } | undefined {
  if (cursor === undefined) return undefined;
  const key = parsed(cursor);
  if (!Array.isArray(key) || key.length !== types.length || !key.every((part, at) => typeof part === types[at])) {
    throw invalidCursor();
  }
  // Checked part by part above.
  return key as unknown as { [K in keyof Types]: Types[K] extends 'string' ? string : number };
}

export function invalidCursor(): DomainError {
  return new DomainError('invalid_cursor', { field: 'cursor', reason: 'is not one that this list has given' });
}

/** A version or a place in a cursor. Throws DomainError('invalid_cursor') for a number that is none. */
export function demandVersion(version: number): number {
  if (Number.isSafeInteger(version) && version >= 0 && version < 2 ** 31 - 1) return version;
  throw invalidCursor();
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
