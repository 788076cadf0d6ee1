import type { Category } from '#contracts/envelope';
import type { KeptState } from '#libs/kernel';
import type { StreamHead } from './port';

/** Whose states they are: of one decider on one category. */
export interface SnapshotKind extends KeptState {
  readonly category: Category;
}

/** The state of a stream after one of its events, which version and hash name. */
export interface Snapshot extends StreamHead {
  readonly state: unknown;
}

export interface LoadedSnapshots {
  /** Of everything that is kept, at that time: `dropAll` begins another, in which nothing of an earlier one is kept. */
  readonly generation: string;
  readonly byStream: ReadonlyMap<string, Snapshot>;
}

/**
 * Kept states of streams. A cache: without them, everything is the same and takes longer. They hold what the events
 * say in plain text, so that whoever erases personal data drops them.
 *
 * All but `dropAll` never throw: what goes wrong costs time alone, and is reported to whoever made it.
 */
export interface Snapshots {
  /** After so many events that were folded anew, a state is worth keeping. */
  readonly every: number;
  /** Of those streams that have one by this version of the decider; without a stream, the generation alone. */
  load(kind: SnapshotKind, streams: readonly string[]): Promise<LoadedSnapshots>;
  /** Each in the place of an older one, if it is still that generation. */
  save(kind: SnapshotKind, generation: string, snapshots: ReadonlyMap<string, Snapshot>): Promise<void>;
  /** Forgets what has turned out not to be of its stream: the ledger was restored to a time before it. */
  discard(kind: SnapshotKind, streams: ReadonlyMap<string, StreamHead>): Promise<void>;
  /**
   * Forgets everything, and lets nothing be kept that was folded before. Afterwards nothing is left, whatever other
   * processes are in the middle of.
   * @throws DomainError('database_unavailable'): call it again.
   */
  dropAll(): Promise<void>;
}
