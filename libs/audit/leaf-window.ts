import { leafHash, type MerkleTree, type RecordedEvent } from '#libs/event-store';

export type Leaf = Pick<RecordedEvent, 'tx' | 'position' | 'hash'>;

/** tx, position, hash, and whether it counts as uncovered. */
const LEAF_BYTES = 49;
const FIRST_CAPACITY = 4096;

/** Leaves in reading order that no checkpoint has covered yet, 49 bytes each: a signer that was away leaves many. */
export class LeafWindow {
  private bytes = Buffer.alloc(FIRST_CAPACITY * LEAF_BYTES);
  private start = 0;
  private end = 0;
  private counted = 0;

  get length(): number {
    return (this.end - this.start) / LEAF_BYTES;
  }

  /** Those pushed as counting. */
  get uncovered(): number {
    return this.counted;
  }

  /**
   * @param counts false for the checkpoints' own events, which the next one covers.
   * @throws DomainError('invalid_field') from `leafHash`, later, for a hash that is none.
   */
  push({ tx, position, hash }: Leaf, counts: boolean): void {
    if (this.end === this.bytes.length) this.makeRoom();
    this.bytes.writeBigUInt64BE(BigInt(tx), this.end);
    this.bytes.writeBigUInt64BE(BigInt(position), this.end + 8);
    this.bytes.fill(0, this.end + 16, this.end + LEAF_BYTES);
    this.bytes.write(hash, this.end + 16, 32, 'hex');
    this.bytes[this.end + 48] = counts ? 1 : 0;
    if (counts) this.counted += 1;
    this.end += LEAF_BYTES;
  }

  /** Moves the oldest `count` leaves into `tree`. Returns the last of them; undefined for none. */
  moveInto(tree: MerkleTree, count: number): Leaf | undefined {
    let last: Leaf | undefined;
    for (let moved = 0; moved < count && this.start < this.end; moved += 1) {
      last = {
        tx: String(this.bytes.readBigUInt64BE(this.start)),
        position: String(this.bytes.readBigUInt64BE(this.start + 8)),
        hash: this.bytes.toString('hex', this.start + 16, this.start + 48),
      };
      tree.append(leafHash(last));
      this.counted -= this.bytes[this.start + 48] ?? 0;
      this.start += LEAF_BYTES;
    }
    return last;
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
