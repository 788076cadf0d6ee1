import type { Category } from '#contracts/envelope';
import type { RecordedEvent } from '#libs/event-store';
import type { EntityManager } from 'typeorm';

/**
 * One read model: it follows categories of the ledger and keeps rows in the service's own schema. Its rows and its
 * checkpoint change in one transaction, so that every event counts once. Dropped and rebuilt, it gives the same rows.
 */
export interface Projection {
  /** Unique within the service: the key of its checkpoint. Renaming it rebuilds it. */
  readonly name: string;
  /** Own categories of the service only; what other services know arrives over the bus. */
  readonly categories: readonly Category[];
  /** Applies events in order, in the versions that this release writes. It writes by `tx` only, and ignores types that it does not know. */
  apply(events: readonly RecordedEvent[], tx: EntityManager): Promise<void>;
  /** Empties its tables. */
  reset(tx: EntityManager): Promise<void>;
}
