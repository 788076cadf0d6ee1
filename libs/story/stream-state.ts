import type { Category } from '#contracts/envelope';
import type { StateQuery, StreamState } from '#contracts/state';
import { demandWholeHistory, type EventStore, type RecordedEvent } from '#libs/event-store';
import { DomainError, type JsonObject } from '#libs/kernel';
import { differences } from './differences';

/** A stream, how its events add up, and what it is called where there is none. */
export interface StatefulStream {
  readonly category: Category;
  readonly stream: string;
  readonly tenant: string;
  /** Undefined when they do not come to anything yet. Maps and sets become objects and lists. */
  readonly fold: (events: readonly RecordedEvent[]) => object | undefined;
  readonly missing: string;
}

/**
 * What a stream was at any past moment, by its own events alone, and what has changed since another.
 * @throws DomainError('not_found') for a stream of another tenant, or one that did not exist yet.
 * @throws DomainError('invalid_field') for a moment in the future, or a `since` after `at`.
 */
export async function streamState(
  store: EventStore,
  { category, stream, tenant, fold, missing }: StatefulStream,
  { at, since }: StateQuery,
  now: Date,
): Promise<StreamState> {
  const until = momentOf('at', at, now) ?? now.toISOString();
  const from = momentOf('since', since, new Date(until));
  const history = await store.readStream(category, stream);
  await demandWholeHistory(store, category, stream, history);
  if (history[0]?.tenant !== tenant) throw new DomainError('not_found', { field: 'id', reason: missing });
  // Clocks may differ by a little: what is recorded is there, unless somebody asks for a moment before it.
  const known = at === undefined ? history : upTo(history, until);
  const last = known.at(-1);
  const state = stateOf(fold(known));
  if (!last || !state) throw new DomainError('not_found', { field: 'at', reason: `It did not exist at ${until}.` });
  return {
    stream,
    version: last.version,
    changedAt: last.time,
    state,
    ...(from !== undefined && { changes: differences(stateOf(fold(upTo(history, from))) ?? {}, state) }),
  };
}

const upTo = (history: readonly RecordedEvent[], moment: string): RecordedEvent[] =>
  history.filter(({ time }) => time <= moment);

function momentOf(field: 'at' | 'since', text: string | undefined, latest: Date): string | undefined {
  if (text === undefined) return undefined;
  const moment = new Date(text);
  if (moment <= latest) return moment.toISOString();
  const reason = field === 'at' ? 'lies in the future' : 'must not lie after the moment that is shown';
  throw new DomainError('invalid_field', { field, reason });
}

function stateOf(state: object | undefined): JsonObject | undefined {
  if (state === undefined) return undefined;
  const text = JSON.stringify(state, (_, value: unknown) => {
    if (value instanceof Map) return Object.fromEntries(value);
    return value instanceof Set ? [...value] : value;
  });
  const parsed: JsonObject = JSON.parse(text);
  return parsed;
}
