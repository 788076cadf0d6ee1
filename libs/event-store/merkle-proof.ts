import { DomainError } from '#libs/kernel';
import { nodeHash } from './merkle';

/** The head of a tree, as a checkpoint signs it. `root` is hexadecimal. */
export interface TreeHead {
  readonly size: number;
  readonly root: string;
}

/** The root of the full subtree number `index` of 2^level leaves; level 0 is the leaf hash itself. */
export type SubtreeRoots = (level: number, index: number) => Promise<Buffer>;

/**
 * The audit path of a leaf (RFC 6962, section 2.1.1), hexadecimal, from the leaf's sibling upwards. It asks for
 * about 2 log2(size) subtrees.
 * @throws DomainError('invalid_field') when a tree of that size has no such leaf.
 */
export async function inclusionProof(roots: SubtreeRoots, index: number, size: number): Promise<string[]> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new DomainError('invalid_field', { field: 'index', reason: `a tree of ${size} leaves has no leaf ${index}` });
  }
  const path: string[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    const sibling = index < middle ? await rangeRoot(roots, middle, end) : await rangeRoot(roots, start, middle);
    path.unshift(sibling.toString('hex'));
    if (index < middle) end = middle;
    else start = middle;
  }
  return path;
}

/**
 * That a tree of `to` leaves begins with the one of `from` leaves (RFC 6962, section 2.1.2), hexadecimal.
 * @throws DomainError('invalid_field') when `from` is not within 1 and `to`.
 */
export async function consistencyProof(roots: SubtreeRoots, from: number, to: number): Promise<string[]> {
  if (!Number.isSafeInteger(from) || from < 1 || from > to) {
    throw new DomainError('invalid_field', { field: 'from', reason: `must be within 1 and ${to} leaves` });
  }
  const path: string[] = [];
  let [start, end] = [0, to];
  // Below the whole tree, the common part is one that the earlier tree's root does not give away.
  let isWhole = true;
  while (from !== end) {
    const middle = start + largestPowerBelow(end - start);
    if (from <= middle) {
      path.unshift((await rangeRoot(roots, middle, end)).toString('hex'));
      end = middle;
    } else {
      path.unshift((await rangeRoot(roots, start, middle)).toString('hex'));
      start = middle;
      isWhole = false;
    }
  }
  if (!isWhole) path.unshift((await rangeRoot(roots, start, end)).toString('hex'));
  return path;
}

/** Whether `path` leads from the leaf at `index` to the head's root (RFC 9162, section 2.1.3.2). */
export function verifyInclusion(
  leaf: Buffer,
  index: number,
  { size, root }: TreeHead,
  path: readonly string[],
): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  let [place, last, node] = [index, size - 1, leaf];
  for (const step of path) {
    if (last === 0) return false;
    const sibling = Buffer.from(step, 'hex');
    if (isOdd(place) || place === last) {
      node = nodeHash(sibling, node);
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      node = nodeHash(node, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && node.toString('hex') === root;
}

/** Whether `path` shows that the later tree begins with the earlier one (RFC 9162, section 2.1.4.2). */
export function verifyConsistency(from: TreeHead, to: TreeHead, path: readonly string[]): boolean {
  if (from.size < 1 || from.size > to.size) return false;
  if (from.size === to.size) return path.length === 0 && from.root === to.root;
  // A full tree is a node of the later one, and its root need not be repeated.
  const [first, ...rest] = isPowerOfTwo(from.size) ? [from.root, ...path] : path;
  if (first === undefined) return false;
  let [place, last] = [from.size - 1, to.size - 1];
  while (isOdd(place)) [place, last] = [half(place), half(last)];
  let earlier: Buffer = Buffer.from(first, 'hex');
  let later = earlier;
  for (const step of rest) {
    if (last === 0) return false;
    const sibling = Buffer.from(step, 'hex');
    if (isOdd(place) || place === last) {
      [earlier, later] = [nodeHash(sibling, earlier), nodeHash(sibling, later)];
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      later = nodeHash(later, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && earlier.toString('hex') === from.root && later.toString('hex') === to.root;
}

/** The root over leaves `start` to `end`, where `start` is a multiple of the largest power of two within the range. */
async function rangeRoot(roots: SubtreeRoots, start: number, end: number): Promise<Buffer> {
  const count = end - start;
  if (isPowerOfTwo(count)) return roots(Math.log2(count), start / count);
  const middle = start + largestPowerBelow(count);
  return nodeHash(await rangeRoot(roots, start, middle), await rangeRoot(roots, middle, end));
}

const isOdd = (number: number): boolean => number % 2 === 1;
const half = (number: number): number => Math.floor(number / 2);
const isPowerOfTwo = (number: number): boolean => number === 1 || number === 2 * largestPowerBelow(number);

/** The largest power of two that is smaller than `size`. */
function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}
