import type { SeenAlert } from '#contracts/source-poll';

/** Where the polling of a source stands. */
export interface PollCursor {
  /** RFC 3339 by the API's clock: everything that was changed before has been taken. */
  readonly watermark: string;
  /** What was taken inside the look-back, so that it is not taken again while it stays as it is. */
  readonly seen: readonly SeenAlert[];
}

/** More are not remembered: what is forgotten is taken once more, as a duplicate, and nothing is lost. */
export const MOST_REMEMBERED = 20_000;

/** A cursor that moves over nothing is recorded this seldom, so that an empty poll does not make the ledger grow. */
export const IDLE_ADVANCE_MS = 60 * 60_000;

/** From when on the API is asked: late-indexed alerts are met once more. Milliseconds since the epoch. */
export function windowStart(watermark: string, lookBackSeconds: number): number {
  return Date.parse(watermark) - lookBackSeconds * 1_000;
}

/** What of `seen` the cursor does not know yet. */
export function notSeenBy(cursor: PollCursor, seen: readonly SeenAlert[]): SeenAlert[] {
  const known = new Set(cursor.seen.map(({ fingerprint }) => fingerprint));
  return seen.filter(({ fingerprint }) => !known.has(fingerprint));
}

/** Whether a cursor that has moved, with this much that is new, is worth an event. */
export function isWorthRecording(cursor: PollCursor, watermark: string, fresh: readonly SeenAlert[]): boolean {
  return fresh.length > 0 || Date.parse(watermark) - Date.parse(cursor.watermark) >= IDLE_ADVANCE_MS;
}

/** Never backwards: an instance that was held up has taken what it says, and the other has taken more. */
export const laterOf = (one: string, other: string): string => (Date.parse(one) >= Date.parse(other) ? one : other);

/** The cursor after `seen` was taken: what lies before the look-back is never met again, and is forgotten. */
export function advanced(
  cursor: PollCursor,
  watermark: string,
  seen: readonly SeenAlert[],
  lookBackSeconds: number,
): PollCursor {
  const start = windowStart(watermark, lookBackSeconds);
  const inside = [...cursor.seen, ...seen].filter(({ modifiedAt }) => Date.parse(modifiedAt) >= start);
  return { watermark, seen: inside.slice(-MOST_REMEMBERED) };
}
