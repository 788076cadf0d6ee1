import type { Actor, Category, EventMeta } from '#contracts/envelope';
import type { DomainError, JsonObject } from '#libs/kernel';

/**
 * An event to be appended. `id` is a UUID in lower case, unique in its category. `time` is RFC 3339 in UTC with
 * milliseconds (`2026-11-24T09:30:00.000Z`) and is raised to the stream's last time if it lies before it.
 */
export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly time: string;
  readonly actor: Actor;
  readonly data: JsonObject;
  readonly meta: EventMeta;
}

/** An event as it stands in the ledger. `tx` and `position` are decimal strings: they exceed what a double holds. */
export interface RecordedEvent extends NewEvent {
  readonly category: Category;
  readonly stream: string;
  /** 1 for the first event of a stream, then dense. */
  readonly version: number;
  readonly tenant: string;
  /** SHA-256, lower-case hexadecimal. */
  readonly hash: string;
  readonly tx: string;
  readonly position: string;
}

/** The version and hash that a decision was taken on; `NO_STREAM` when the stream must not exist. There is no "any". */
export interface StreamHead {
  readonly version: number;
  readonly hash: string;
}
export const NO_STREAM: StreamHead = { version: 0, hash: '' };

export interface StreamAppend {
  readonly category: Category;
  readonly stream: string;
  readonly tenant: string;
  readonly expected: StreamHead;
  readonly events: readonly NewEvent[];
}

/** One or more streams that are appended to together or not at all. A stream stands in a group once. */
export type AppendGroup = readonly StreamAppend[];

export type AppendResult =
  /** Written; the recorded events carry version and hash (tx and position too). */
  | { readonly status: 'appended'; readonly events: readonly RecordedEvent[] }
  /**
   * Every event id of the group is in the ledger already: the earlier append's answer, and nothing written (invariant 7).
   * Of what was archived since, the ids alone are known: those events are not among `events`.
   */
  | { readonly status: 'duplicate'; readonly events: readonly RecordedEvent[] }
  /** The head of a stream is not the expected one; nothing of the group was written. Reload, decide again. */
  | { readonly status: 'conflict'; readonly stream: string; readonly expected: number; readonly actual: number };

/**
 * A group that could never be written as it is: a text with NUL or a lone surrogate, a field of the envelope that is
 * wrong, an event id that stands for another event already. Nothing of it was written; the other groups are not touched.
 */
export interface AppendRefusal {
  readonly status: 'refused';
  readonly error: DomainError;
}

/** How far readers are behind what is committed, because a write transaction is open somewhere in the database. */
export interface VisibilityLag {
  /** Committed events that `readAfter` does not show yet. */
  readonly events: number;
  /** The age of the oldest of them in milliseconds, its `time` against the database's clock; 0 when there is none. */
  readonly milliseconds: number;
}

/** Where a reader stands: opaque, comparable only by the store that made it. `undefined` is the beginning. */
export type Cursor = string;

export interface EventPage {
  readonly events: readonly RecordedEvent[];
  /** After the last event of the page; the cursor given when the page is empty. */
  readonly cursor: Cursor | undefined;
}

/** The append-only ledger. One instance acts as one service's role and may append to that service's categories only. */
export interface EventStore {
  /**
   * One group.
   * @throws DomainError('database_unavailable') when the outcome is unknown: append again, ids make it safe.
   * @throws DomainError('invalid_character' | 'invalid_field' | 'event_id_taken' | 'permission_missing') for a group that
   * can never be written as it is.
   */
  append(group: AppendGroup): Promise<AppendResult>;
  /**
   * Many groups in one statement: each succeeds, conflicts or is refused on its own. The results stand in the order of
   * the groups. A group may continue a stream that an earlier group of the same call appends to: it then expects the
   * head which that group leaves (`headAfter` of its very object), and conflicts when that group is not written.
   * @throws DomainError('database_unavailable') as `append`.
   */
  appendMany(groups: readonly AppendGroup[]): Promise<(AppendResult | AppendRefusal)[]>;
  /**
   * The head that `append` leaves when it is written, for a later group of the same `appendMany` that continues it.
   * @throws what appending it would be refused for.
   */
  headAfter(append: StreamAppend): StreamHead;
  /** The events of one stream in version order. */
  readStream(
    category: Category,
    stream: string,
    range?: { from?: number; to?: number; limit?: number },
  ): Promise<RecordedEvent[]>;
  /**
   * Many streams at once, for reactions in batches; a stream that does not exist gives an empty list.
   * @param from the first version to be read, of each stream that is in it; of the others, everything is.
   */
  readStreams(
    category: Category,
    streams: readonly string[],
    from?: ReadonlyMap<string, number>,
  ): Promise<Map<string, RecordedEvent[]>>;
  /**
   * The heads of streams, also of one that reads as empty because all of it was archived: what is appended to it goes on
   * from there.
   */
  heads(category: Category, streams: readonly string[]): Promise<Map<string, StreamHead>>;
  /**
   * Events after `cursor` in (tx, position) order, gap-safe: only those that no open transaction can still precede.
   * Events of one stream come in version order.
   */
  readAfter(
    cursor: Cursor | undefined,
    options: { categories?: readonly Category[]; tenant?: string; limit: number },
  ): Promise<EventPage>;
  /** After everything that `readAfter` shows now, and before everything else: where one begins who wants news alone. */
  end(): Promise<Cursor | undefined>;
  visibilityLag(): Promise<VisibilityLag>;
  /** Wakes readers of this process after an append; polling remains the truth. Returns the unsubscribe function. */
  onAppended(listener: (categories: readonly Category[]) => void): () => void;
  close(): Promise<void>;
}
