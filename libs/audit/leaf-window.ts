import { LEAF_BYTES, type MerkleTree, type RecordedEvent, sha256, writeLeaf } from '#libs/event-store';

export type Leaf = Pick<RecordedEvent, 'tx' | 'position' | 'hash'>;

/** What is hashed for a leaf, and whether it counts as uncovered. */
const ENTRY_BYTES = LEAF_BYTES + 1;
const FIRST_CAPACITY = 4096;

/** Leaves in reading order that no checkpoint has covered yet, 50 bytes each: a signer that was away leaves many. */
export class LeafWindow {
  private bytes = Buffer.alloc(FIRST_CAPACITY * ENTRY_BYTES);
  private start = 0;
  private end = 0;
  private counted = 0;

  get length(): number {
    return (this.end - this.start) / ENTRY_BYTES;
  }

  /** Those pushed as counting. */
  get uncovered(): number {
    return this.counted;
  }

  /**
   * @param counts false for the checkpoints' own events, which the next one covers.
   * @throws DomainError('invalid_field') for a hash that is none.
   */
  push(leaf: Leaf, counts: boolean): void {
    if (this.end === this.bytes.length) this.makeRoom();
    writeLeaf(leaf, this.bytes, this.end);
    this.bytes[this.end + LEAF_BYTES] = counts ? 1 : 0;
    if (counts) this.counted += 1;
    this.end += ENTRY_BYTES;
  }

  /** Moves the oldest `count` leaves into `tree`. Returns the last of them; undefined for none. */
  moveInto(tree: MerkleTree, count: number): Leaf | undefined {
    const moved = Math.min(count, this.length);
    for (let index = 0; index < moved; index += 1) {
      tree.append(sha256(this.bytes.subarray(this.start, this.start + LEAF_BYTES)));
      this.counted -= this.bytes[this.start + LEAF_BYTES] ?? 0;
      this.start += ENTRY_BYTES;
    }
    return moved > 0 ? this.leafAt(this.start - ENTRY_BYTES) : undefined;
  }

  private leafAt(at: number): Leaf {
    return {
      tx: String(this.bytes.readBigUInt64BE(at + 1)),
      position: String(this.bytes.readBigUInt64BE(at + 9)),
      hash: this.bytes.toString('hex', at + 17, at + LEAF_BYTES),
    };
  }

  private makeRoom(): void {
    const used = this.end - this.start;
    const bytes = used > this.bytes.length / 2 ? Buffer.alloc(this.bytes.length * 2) : this.bytes;
    this.bytes.copy(bytes, 0, this.start, this.end);
    this.bytes = bytes;
    this.start = 0;
    this.end = used;
  }
}
