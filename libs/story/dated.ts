import type { JsonObject } from '#libs/kernel';

/** What an event may say of when that happened which it records. */
const DATES = ['deadline', 'receivedAt'] as const;
/** A deadline lies ahead of what sets it, and behind what finds that it is over. */
const ENDS = /Expired$/;

/**
 * When something happened that was recorded later: a deadline that was over while nobody looked, an alert that waited.
 * @returns RFC 3339; undefined when it was recorded as it happened.
 */
export function datedOf({
  type,
  time,
  data,
}: {
  readonly type: string;
  readonly time: string;
  readonly data: JsonObject;
}) {
  for (const name of DATES) {
    const date = data[name];
    if (typeof date !== 'string' || (name === 'deadline' && !ENDS.test(type))) continue;
    if (Date.parse(date) < Date.parse(time)) return date;
  }
  return undefined;
}
