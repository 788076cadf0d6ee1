import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { type Cursor, type EventPage, type EventStore, leafHash, MerkleTree } from '#libs/event-store';
import type { Clock } from '#libs/kernel';
import { DomainError } from '#libs/kernel';
import type { TreeState, TreeStateTable } from '../adapters/tree-state-table';
import { BLOCK_LEVEL, type TreeNode } from '../domain/tree-node';

const PAGE = 1000;

/** The Merkle tree over the ledger as far as readers see it, kept between starts. One call at a time. */
export class MerkleFollower {
  private tree = MerkleTree.empty();
  private cursor: Cursor | undefined;
  private last: TreeState['upTo'] = null;
  private uncoveredEvents = 0;
  private newestSeen: number;
  private loaded = false;

  constructor(
    private readonly store: EventStore,
    private readonly kept: TreeStateTable,
    private readonly clock: Clock,
  ) {
    this.newestSeen = clock.now().getTime();
  }

  get size(): number {
    return this.tree.size;
  }
  get root(): string {
    return this.tree.root();
  }
  /** The last event in the tree. */
  get upTo(): TreeState['upTo'] {
    return this.last;
  }
  /** Events that no checkpoint covers, the checkpoints' own aside. */
  get uncovered(): number {
    return this.uncoveredEvents;
  }
  /** Milliseconds since something new was seen. */
  get idleMs(): number {
    return this.clock.now().getTime() - this.newestSeen;
  }

  /**
   * Grows the tree up to the last event that readers see.
   * @param last the last checkpoint: a tree that passes its size must have its root.
   * @throws DomainError('ledger_damaged') when it has another one, or does not come to it. Nothing may be signed over such a ledger.
   */
  async follow(last: CheckpointSigned | undefined): Promise<void> {
    if (!this.loaded) await this.load();
    if (this.tree.size === last?.size) await this.demandRoot(last);
    for (;;) {
      const page = await this.nextPage();
      const before = this.tree.size;
      const grown: TreeNode[] = [];
      for (const event of page.events) {
        const { tx, position } = event;
        this.tree.append(leafHash(event), (level, index, root) => {
          if (level >= BLOCK_LEVEL) grown.push({ level, index, root, upTo: { tx, position } });
        });
        this.last = { tx, position };
        if (event.category !== 'checkpoint') this.uncoveredEvents += 1;
        if (this.tree.size === last?.size) await this.demandRoot(last);
      }
      if (page.events.length > 0) {
        this.cursor = page.cursor;
        this.newestSeen = this.clock.now().getTime();
        if (!(await this.save(before, grown))) {
          await this.load();
          continue;
        }
      }
      if (page.events.length < PAGE) break;
    }
    if (last && this.tree.size < last.size) throw await this.damaged(last, `only ${this.tree.size} are there`);
  }

  /** Who has slept for so long that what comes next was archived goes on from where another process has come to. */
  private async nextPage(): Promise<EventPage> {
    try {
      return await this.store.readAfter(this.cursor, { limit: PAGE });
    } catch (error) {
      const own = this.cursor;
      if (!(error instanceof DomainError) || error.code !== 'history_archived') throw error;
      await this.load();
      if (this.cursor === own) throw error;
      return this.store.readAfter(this.cursor, { limit: PAGE });
    }
  }

  /** Everything in the tree is covered now. */
  async covered(): Promise<void> {
    this.uncoveredEvents = 0;
    if (!(await this.save(this.tree.size))) await this.load();
  }

  private async load(): Promise<void> {
    const state = await this.kept.load();
    this.tree = state ? MerkleTree.from(state.frontier) : MerkleTree.empty();
    this.cursor = state?.cursor;
    this.last = state?.upTo ?? null;
    this.uncoveredEvents = state?.uncovered ?? 0;
    this.loaded = true;
  }

  private save(expectedSize: number, grown: readonly TreeNode[] = []): Promise<boolean> {
    return this.kept.save(expectedSize, grown, {
      frontier: this.tree.frontier(),
      cursor: this.cursor,
      upTo: this.last,
      uncovered: this.uncoveredEvents,
    });
  }

  private async demandRoot(last: CheckpointSigned): Promise<void> {
    if (this.tree.root() !== last.root) throw await this.damaged(last, 'they are others now');
    this.uncoveredEvents = 0;
  }

  /** The next call builds the tree again from the beginning: what was kept may be what is wrong. */
  private async damaged({ size, sequence }: CheckpointSigned, what: string): Promise<DomainError> {
    this.loaded = false;
    await this.kept.drop();
    return new DomainError('ledger_damaged', {
      reason: `Checkpoint ${sequence} has signed ${size} events, and ${what}: nothing more is signed over this ledger. GET /v1/audit/verify says where it differs.`,
    });
  }
}
