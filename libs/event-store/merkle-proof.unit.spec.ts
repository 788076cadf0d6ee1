import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { EMPTY_ROOT, MerkleTree } from './merkle';
import {
  consistencyProof,
  inclusionProof,
  type SubtreeRoots,
  verifyConsistency,
  verifyInclusion,
} from './merkle-proof';

const leafOf = (index: number) => createHash('sha256').update(`\0leaf ${index}`).digest();
const leaves = Array.from({ length: 80 }, (_, index) => leafOf(index));

function headOf(size: number) {
  const tree = MerkleTree.empty();
  for (const leaf of leaves.slice(0, size)) tree.append(leaf);
  return { size, root: tree.root() };
}

/** From the leaves; what a ledger keeps in a table. */
const roots: SubtreeRoots = async (level, index) => {
  const count = 2 ** level;
  const tree = MerkleTree.empty();
  for (const leaf of leaves.slice(index * count, (index + 1) * count)) tree.append(leaf);
  expect(tree.size).toBe(count);
  return Buffer.from(tree.root(), 'hex');
};

const size = fc.integer({ min: 1, max: leaves.length });

describe('a proof of inclusion', () => {
  it('holds for its leaf, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), async (count, seed) => {
        const index = seed % count;
        const head = headOf(count);
        const path = await inclusionProof(roots, index, count);
        const member = leafOf(index);
        expect(verifyInclusion(member, index, head, path)).toBe(true);
        expect(verifyInclusion(leafOf(999), index, head, path)).toBe(false);
        expect(verifyInclusion(member, index + count, head, path)).toBe(false);
        expect(verifyInclusion(member, index, { ...head, root: EMPTY_ROOT }, path)).toBe(false);
        expect(verifyInclusion(member, index, head, [...path, EMPTY_ROOT])).toBe(false);
        if (path.length > 0) expect(verifyInclusion(member, index, head, path.slice(1))).toBe(false);
      }),
    );
  });

  it('is refused for a leaf that is not there', async () => {
    await expect(inclusionProof(roots, 7, 7)).rejects.toMatchObject({ code: 'invalid_field', field: 'index' });
  });
});

describe('a proof of consistency', () => {
  it('holds between a tree and what it grew from, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, async (one, other) => {
        const [from, to] = [headOf(Math.min(one, other)), headOf(Math.max(one, other))];
        const path = await consistencyProof(roots, from.size, to.size);
        expect(verifyConsistency(from, to, path)).toBe(true);
        expect(verifyConsistency({ ...from, root: EMPTY_ROOT }, to, path)).toBe(false);
        expect(verifyConsistency(from, { ...to, root: EMPTY_ROOT }, path)).toBe(false);
        expect(verifyConsistency(from, to, [...path, EMPTY_ROOT])).toBe(false);
        if (path.length > 0) expect(verifyConsistency(from, to, path.slice(0, -1))).toBe(false);
        if (from.size < to.size) expect(verifyConsistency(to, from, path)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('does not hold when what the tree grew from has been changed', async () => {
    const other = MerkleTree.empty();
    for (let index = 0; index < 5; index += 1) other.append(leafOf(index === 2 ? 999 : index));
    const path = await consistencyProof(roots, 5, 13);
    expect(verifyConsistency({ size: 5, root: other.root() }, headOf(13), path)).toBe(false);
  });

  it('is refused for sizes that make no sense', async () => {
    for (const from of [0, 9]) {
      await expect(consistencyProof(roots, from, 8)).rejects.toMatchObject({ code: 'invalid_field', field: 'from' });
    }
  });
});
