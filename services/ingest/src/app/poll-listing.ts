import type { ListedAlert, ListedPage, PollApi } from '../adapters/polls/poll-api';

/** A part of what an API lists. */
export interface Listed {
  readonly alerts: readonly ListedAlert[];
  /** With these taken, everything is that was changed before; null where that is not known. Milliseconds since the epoch. */
  readonly completeUntil: number | null;
  /** What the time of a change is taken for where an alert tells none. Milliseconds since the epoch. */
  readonly askedAt: number;
}

/**
 * Everything that was changed since `since`, page by page, whatever is changed or comes in meanwhile.
 *
 * Complete is a listing up to the time at which it was begun: by the API's clock, and at most by `now`, so that one clock
 * that runs ahead lets nothing be missed. Where the API lists the earliest change first, each page is asked for by the time
 * that the last one has come to: an alert that is changed meanwhile moves to the end, and a page that is asked for by its
 * number would miss the one that takes its place. Pages go by the API's own link only where they do not get ahead in
 * time, and where the newest comes first: there, what is changed moves to the front, and a page shows an alert twice.
 *
 * @param now by the database's clock. Milliseconds since the epoch, as all of them.
 */
export async function* listing(
  api: PollApi,
  isAscending: boolean,
  since: number,
  now: number,
): AsyncGenerator<Listed, void, undefined> {
  let from = since;
  let continuation: string | undefined;
  let begun: number | undefined;
  for (;;) {
    const page: ListedPage = await api.list(from, continuation);
    begun ??= Math.min(page.askedAt ?? now, now);
    const { alerts } = page;
    if (page.continuation === undefined) {
      yield { alerts, completeUntil: begun, askedAt: begun };
      return;
    }
    const reached = isAscending ? reachedBy(alerts, begun) : undefined;
    const isAhead = reached !== undefined && reached > from;
    yield { alerts, completeUntil: isAhead ? reached : null, askedAt: begun };
    from = isAhead ? reached : from;
    continuation = isAhead ? undefined : page.continuation;
  }
}

/**
 * The time up to which a page has come. What was changed after the listing was begun may have been so after its place in the
 * page was told, and says nothing. Undefined for a page that is not in order after all.
 */
function reachedBy(alerts: readonly ListedAlert[], begun: number): number | undefined {
  let reached: number | undefined;
  for (const { modifiedAt } of alerts) {
    if (modifiedAt === undefined || modifiedAt > begun) continue;
    if (reached !== undefined && modifiedAt < reached) return undefined;
    reached = modifiedAt;
  }
  return reached;
}
