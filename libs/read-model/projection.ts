import type { Category } from '#contracts/envelope';
import type { RecordedEvent } from '#libs/event-store';
import type { EntityManager } from 'typeorm';

/**
 * One read model: it follows categories of the ledger and keeps rows in the service's own schema. Its rows and its
 * checkpoint change in one transaction, so that every event counts once. Rebuilt from the beginning, it gives the same
 * rows: they depend on the events and on its own rows alone, not on the time or on how the events were split in batches.
 */
export interface Projection {
  /** Unique within the service: the key of its checkpoint. Renaming it makes it follow from the beginning. */
  readonly name: string;
  /** Own categories of the service only; what other services know arrives over the bus. */
  readonly categories: readonly Category[];
  /** The tables that it alone writes; none when all it does is to schedule jobs. */
  readonly entities: readonly (new () => object)[];
  /**
   * Applies events in order, in the versions that this release writes, and ignores types that it does not know. It
   * reaches its tables by `tx` and their entities only: a rebuild points these to a schema of its own.
   */
  apply(events: readonly RecordedEvent[], tx: EntityManager): Promise<void>;
}
