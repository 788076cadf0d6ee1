/**
 * Subtrees of 2^8 leaves and more are kept: a proof computes those below from the 256 events of one block, and the ledger
 * pays half a row for each of them.
 */
export const BLOCK_LEVEL = 8;
export const BLOCK_SIZE = 2 ** BLOCK_LEVEL;

/** A full subtree of the ledger's Merkle tree: number `index` of those with 2^level leaves. */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
  readonly root: Buffer;
  /** The event of its last leaf. */
  readonly upTo: { readonly tx: string; readonly position: string };
}
