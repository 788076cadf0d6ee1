import { cursorAt, type EventStore, type RecordedEvent } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import type { DataSource, EntityManager } from 'typeorm';
import { BEGINNING, CheckpointTable, covers, type Checkpoint } from '../checkpoint';
import type { Projection } from '../projection';
import { ALL_TENANTS, setTenant } from '../tenant';
import { shadowSchema } from './shadow-schema';

interface NextBatch {
  readonly events: readonly RecordedEvent[];
  readonly to: Checkpoint;
}

/**
 * Leads the shadow tables along the ledger, never beyond the checkpoint of the live ones: so both can be at the same
 * event, also when the live ones are stuck or nobody leads them.
 */
export class ShadowFollower {
  private readonly checkpoints: CheckpointTable;
  private at: Checkpoint = BEGINNING;

  constructor(
    private readonly store: EventStore,
    private readonly database: DataSource,
    private readonly projection: Projection,
    schema: string,
    private readonly batch: number,
  ) {
    this.checkpoints = new CheckpointTable(shadowSchema(schema));
  }

  get checkpoint(): Checkpoint {
    return this.at;
  }

  isAt({ tx, position }: Checkpoint): boolean {
    return this.at.tx === tx && this.at.position === position;
  }

  /** Applies all up to `target`, a batch a transaction. @param applied is told how many each time. */
  async follow(target: Checkpoint, applied: (events: number) => void): Promise<void> {
    while (!this.isAt(target)) {
      // Read before the transaction begins: an open write transaction holds readers back.
      const next = await this.next(target);
      await this.database.transaction((tx) => this.apply(next, tx));
      this.at = next.to;
      applied(next.events.length);
    }
  }

  /**
   * Applies within `tx` what is left up to `target` and tells how many events that was; undefined when it is more than a
   * batch. For the transaction that ends the rebuild: whatever becomes of it, this follower stays where it is.
   */
  async applyRest(target: Checkpoint, tx: EntityManager): Promise<number | undefined> {
    if (this.isAt(target)) return 0;
    const next = await this.next(target);
    if (next.to !== target) return undefined;
    await this.apply(next, tx);
    return next.events.length;
  }

  private async next(target: Checkpoint): Promise<NextBatch> {
    const { at, batch } = this;
    if (covers(at, target)) {
      throw new DomainError('stream_conflict', {
        field: this.projection.name,
        reason: 'its read model has begun anew while it was rebuilt; rebuild it again when it has caught up',
      });
    }
    const page = await this.store.readAfter(at.cursor, { categories: this.projection.categories, limit: batch });
    const events = page.events.filter((event) => covers(target, event));
    const last = events.at(-1);
    const isLast = events.length < batch || (last !== undefined && covers(checkpointAt(last), target));
    return { events, to: isLast || !last ? target : checkpointAt(last) };
  }

  private async apply({ events, to }: NextBatch, tx: EntityManager): Promise<void> {
    await setTenant(tx, ALL_TENANTS);
    if (!(await this.checkpoints.move(tx, this.projection.name, this.at, to))) {
      throw new DomainError('service_unavailable', 'Another rebuild has taken over; this one ends.');
    }
    if (events.length > 0) await this.projection.apply(events, tx);
  }
}

function checkpointAt(event: RecordedEvent): Checkpoint {
  return { cursor: cursorAt(event), tx: BigInt(event.tx), position: BigInt(event.position) };
}
