import type { Pool } from 'pg';
import type { SigningKey } from '#contracts/action';
import { CATEGORIES, type Category, SHELVED_CATEGORIES } from '#contracts/envelope';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { type ConsistencyProof, type InclusionProof, PROOF_FORMAT } from '#contracts/proof';
import { CHECKPOINT_KEYS, CHECKPOINT_LOG, isShown } from '#libs/audit';
import {
  consistencyProof,
  cursorAt,
  cursorBefore,
  type EventStore,
  inclusionProof,
  leafHash,
  MerkleTree,
  type RecordedEvent,
  type SubtreeRoots,
} from '#libs/event-store';
import { DomainError, isUuid } from '#libs/kernel';
import type { TreeNodeTable } from '../adapters/tree-node-table';
import { BLOCK_LEVEL, BLOCK_SIZE } from '../domain/tree-node';

/** Proofs about single events and pairs of checkpoints, for those who do not read the whole ledger. */
export class LedgerProofs {
  constructor(
    private readonly store: EventStore,
    private readonly pool: Pool,
    private readonly nodes: TreeNodeTable,
  ) {}

  /**
   * @param sequence of the checkpoint; the last one when absent.
   * @throws DomainError('not_found') for an event that the tenant does not see, or a checkpoint that does not exist.
   * @throws DomainError('invalid_transition') for an event that the checkpoint does not cover.
   */
  async ofEvent(id: string, tenant: string, sequence?: number): Promise<InclusionProof> {
    const event = await this.find(id, tenant);
    const checkpoint = await (sequence === undefined
      ? this.demandLast('checkpoint')
      : this.checkpoint('checkpoint', sequence));
    const { upTo } = checkpoint;
    if (!upTo || isBefore(upTo, event)) {
      throw new DomainError('invalid_transition', {
        field: 'checkpoint',
        reason: `checkpoint ${checkpoint.sequence} does not cover event ${id}; POST /v1/audit/checkpoints signs one that does`,
      });
    }
    const index = await this.indexOf(event);
    const path = await inclusionProof(this.subtrees(), index, checkpoint.size);
    const [before] =
      event.version === 1
        ? []
        : await this.store.readStream(event.category, event.stream, { from: event.version - 1, limit: 1 });
    return {
      kind: 'inclusion',
      format: PROOF_FORMAT,
      event: { ...event },
      previousHash: before?.hash ?? '',
      index,
      checkpoint,
      path,
      keys: await this.keysOf(checkpoint),
    };
  }

  /** @param to the last checkpoint when absent. @throws DomainError('not_found' | 'invalid_field') */
  async ofConsistency(from: number, to?: number): Promise<ConsistencyProof> {
    const earlier = await this.checkpoint('from', from);
    const later = await (to === undefined ? this.demandLast('to') : this.checkpoint('to', to));
    return {
      kind: 'consistency',
      format: PROOF_FORMAT,
      from: earlier,
      to: later,
      path: await consistencyProof(this.subtrees(), earlier.size, later.size),
      keys: await this.keysOf(earlier, later),
    };
  }

  /** Undefined before the first is signed. */
  async lastCheckpoint(): Promise<CheckpointSigned | undefined> {
    const { version = 0 } = (await this.store.heads('checkpoint', [CHECKPOINT_LOG])).get(CHECKPOINT_LOG) ?? {};
    // The log holds checkpoints and nothing else: the version is the sequence.
    return version === 0 ? undefined : this.checkpoint('checkpoint', version);
  }

  /** The keys that signed them. */
  async keysOf(...checkpoints: readonly CheckpointSigned[]): Promise<SigningKey[]> {
    const published = await this.store.readStream('checkpoint', CHECKPOINT_KEYS);
    const keys = published.map(({ data }) => data as unknown as SigningKey);
    return keys.filter(({ keyId }) => checkpoints.some((checkpoint) => checkpoint.keyId === keyId));
  }

  private async find(id: string, tenant: string): Promise<RecordedEvent> {
    const places = isUuid(id) ? await this.placesOf(id.toLowerCase()) : [];
    for (const { category, tx, position } of places) {
      // In an archive, it is found by its place alone.
      const before = cursorBefore({ tx, position });
      const [event] = (await this.store.readAfter(before, { categories: [category], limit: 1 })).events;
      if (event && isShown(event, tenant)) return event;
    }
    throw new DomainError('not_found', { field: 'event', reason: `There is no event ${id}.` });
  }

  private async placesOf(id: string) {
    const branches = CATEGORIES.map(
      (category) => `select category, tx, position from ledger.events where category = '${category}' and id = $1`,
    );
    const archived = 'select category, tx, position from ledger.archived_ids where id = $1';
    const { rows } = await this.pool.query<{ category: Category; tx: string; position: string }>(
      `select category, tx::text as tx, position::text as position
         from (${[...branches, `${archived} and category = any ($2::text[])`].join(' union ')}) as found`,
      [id, SHELVED_CATEGORIES],
    );
    return rows;
  }

  private async demandLast(field: string): Promise<CheckpointSigned> {
    const last = await this.lastCheckpoint();
    if (last) return last;
    throw new DomainError('not_found', { field, reason: 'No checkpoint has been signed yet.' });
  }

  private async checkpoint(field: string, sequence: number): Promise<CheckpointSigned> {
    const [found] = await this.store.readStream('checkpoint', CHECKPOINT_LOG, { from: sequence, limit: 1 });
    // What this service has written, by its contract.
    if (found) return found.data as unknown as CheckpointSigned;
    throw new DomainError('not_found', { field, reason: `There is no checkpoint ${sequence}.` });
  }

  private async indexOf(event: RecordedEvent): Promise<number> {
    const block = await this.nodes.lastBlockBefore(event);
    const start = block ? (block.index + 1) * BLOCK_SIZE : 0;
    const leaves = await this.leavesFrom(block?.upTo);
    const place = leaves.findIndex(({ tx, position }) => tx === event.tx && position === event.position);
    if (place === -1) {
      throw new DomainError(
        'service_unavailable',
        'The tree has not grown up to that event yet; try again in a second.',
      );
    }
    return start + place;
  }

  /** For one proof: the blocks that are read for it are kept as long as it. */
  private subtrees(): SubtreeRoots {
    const blocks = new Map<number, Promise<readonly RecordedEvent[]>>();
    return async (level, index) => {
      if (level >= BLOCK_LEVEL) {
        const node = await this.nodes.find(level, index);
        if (node) return node.root;
        throw new DomainError('service_unavailable', 'The tree is being built again; try again later.');
      }
      const first = index * 2 ** level;
      const block = Math.floor(first / BLOCK_SIZE);
      const read = blocks.get(block) ?? this.block(block);
      blocks.set(block, read);
      const leaves = (await read).slice(first % BLOCK_SIZE, (first % BLOCK_SIZE) + 2 ** level);
      const tree = MerkleTree.empty();
      for (const leaf of leaves) tree.append(leafHash(leaf));
      return Buffer.from(tree.root(), 'hex');
    };
  }

  private async block(number: number): Promise<readonly RecordedEvent[]> {
    if (number === 0) return this.leavesFrom(undefined);
    const before = await this.nodes.find(BLOCK_LEVEL, number - 1);
    if (!before) throw new DomainError('service_unavailable', 'The tree is being built again; try again later.');
    return this.leavesFrom(before.upTo);
  }

  private async leavesFrom(after: { tx: string; position: string } | undefined): Promise<readonly RecordedEvent[]> {
    return (await this.store.readAfter(after && cursorAt(after), { limit: BLOCK_SIZE })).events;
  }
}

function isBefore(one: { tx: string; position: string }, other: { tx: string; position: string }): boolean {
  const [oneTx, otherTx] = [BigInt(one.tx), BigInt(other.tx)];
  return oneTx < otherTx || (oneTx === otherTx && BigInt(one.position) < BigInt(other.position));
}
