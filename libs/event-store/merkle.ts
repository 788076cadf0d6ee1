import { createHash, hash as digest } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import type { RecordedEvent } from './port';

/** SHA-256 of the empty string: the root of a tree without leaves (RFC 6962, section 2.1). */
export const EMPTY_ROOT = createHash('sha256').digest('hex');

/** Of what `writeLeaf` writes. */
export const LEAF_BYTES = 49;

/**
 * Writes what is hashed for an event's leaf: 0x00 || tx || position || hash, with `tx` and `position` as unsigned 64-bit
 * big-endian integers and `hash` as its 32 bytes (RFC 6962, section 2.1).
 * @throws DomainError('invalid_field') for a hash that is none.
 */
export function writeLeaf(
  { tx, position, hash }: Pick<RecordedEvent, 'tx' | 'position' | 'hash'>,
  bytes: Buffer,
  at = 0,
): void {
  bytes[at] = 0;
  writeUint64(tx, bytes, at + 1);
  writeUint64(position, bytes, at + 9);
  if (bytes.write(hash, at + 17, 32, 'hex') !== 32 || hash.length !== 64) {
    throw new DomainError('invalid_field', { field: 'hash', reason: 'must be 64 hexadecimal digits' });
  }
}

function writeUint64(text: string, bytes: Buffer, at: number): void {
  const number = Number(text);
  if (number > Number.MAX_SAFE_INTEGER) {
    bytes.writeBigUInt64BE(BigInt(text), at);
  } else {
    bytes.writeUInt32BE(Math.floor(number / 2 ** 32), at);
    bytes.writeUInt32BE(number % 2 ** 32, at + 4);
  }
}

/** The leaf hash of an event: SHA-256 of what `writeLeaf` writes. */
export function leafHash(event: Pick<RecordedEvent, 'tx' | 'position' | 'hash'>): Buffer {
  writeLeaf(event, leaf);
  return sha256(leaf);
}
const leaf = Buffer.alloc(LEAF_BYTES);

/** SHA-256(0x01 || left || right). */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  left.copy(node, 1);
  right.copy(node, 33);
  return sha256(node);
}
const node = Buffer.alloc(65, 1);

/** By way of a text, which costs a third of what a Hash object or a buffer of its own does for so few bytes. */
export const sha256 = (bytes: Buffer): Buffer => Buffer.from(digest('sha256', bytes, 'binary'), 'latin1');

/** A tree's frontier as it is kept between checkpoints: all that is needed to go on. */
export interface MerkleFrontier {
  /** Number of leaves. */
  readonly size: number;
  /** The roots of the full subtrees, from the largest to the smallest, hexadecimal: one for each 1 bit of `size`. */
  readonly nodes: readonly string[];
}

/** The Merkle tree of RFC 6962, growing to the right. It keeps log2(size) hashes, not the leaves. */
export class MerkleTree {
  private constructor(
    private count: number,
    private readonly nodes: Buffer[],
  ) {}

  static empty(): MerkleTree {
    return new MerkleTree(0, []);
  }

  /** @throws DomainError('ledger_damaged') when the frontier cannot be one. */
  static from({ size, nodes }: MerkleFrontier): MerkleTree {
    const subtrees = [...size.toString(2)].filter((bit) => bit === '1').length;
    if (
      !Number.isSafeInteger(size) ||
      size < 0 ||
      subtrees !== nodes.length ||
      !nodes.every((node) => HASH.test(node))
    ) {
      throw new DomainError('ledger_damaged', 'the kept frontier of the Merkle tree is not one; build the tree again');
    }
    return new MerkleTree(
      size,
      nodes.map((node) => Buffer.from(node, 'hex')),
    );
  }

  get size(): number {
    return this.count;
  }

  /**
   * @param leaf what `leafHash` gives.
   * @param onSubtree is told of each subtree that the leaf has made full: number `index` of those with 2^level leaves.
   */
  append(leaf: Buffer, onSubtree?: (level: number, index: number, root: Buffer) => void): void {
    let node = leaf;
    let level = 0;
    // Each trailing 1 bit of the size is a full subtree as large as what the new leaf has grown to.
    for (let size = this.count; size % 2 === 1; size = Math.floor(size / 2)) {
      const left = this.nodes.pop();
      if (!left) throw new DomainError('internal', 'the Merkle frontier has too few nodes');
      node = nodeHash(left, node);
      level += 1;
      onSubtree?.(level, Math.floor(size / 2), node);
    }
    this.nodes.push(node);
    this.count += 1;
  }

  /** The root in hexadecimal. */
  root(): string {
    const [last, ...others] = [...this.nodes].reverse();
    return last ? others.reduce((right, left) => nodeHash(left, right), last).toString('hex') : EMPTY_ROOT;
  }

  frontier(): MerkleFrontier {
    return { size: this.count, nodes: this.nodes.map((node) => node.toString('hex')) };
  }
}

const HASH = /^[0-9a-f]{64}$/;
