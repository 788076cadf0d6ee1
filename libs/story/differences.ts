import type { StateChange } from '#contracts/state';
import { isJsonObject, type JsonValue } from '#libs/kernel';

/** What leads from one JSON value to another, value by value; lists are compared place by place. */
export function differences(before: JsonValue | undefined, after: JsonValue | undefined, path = ''): StateChange[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, at) => differences(before[at], after[at], `${path}[${at}]`)).flat();
  }
  if (isJsonObject(before) && isJsonObject(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
      differences(before[name], after[name], path === '' ? name : `${path}.${name}`),
    );
  }
  if (before === after) return [];
  return [{ path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
}
