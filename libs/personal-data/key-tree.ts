import { hash, randomBytes } from 'node:crypto';

/**
 * Hexadecimal digits of a leaf: 56 bits. Of a billion subjects, the chance that another one lies on the leaf of one that
 * is destroyed is 1 in 70 million.
 */
export const DEPTH = 14;
const SEED_BYTES = 32;
/** Nodes so deep are remembered: 65,536 at most, 2 MiB of seeds. */
const REMEMBERED_DEPTH = 4;

/**
 * A key for each of 16^DEPTH leaves, of which any can be destroyed: a puncturable pseudo-random function (Goldreich,
 * Goldwasser, Micali 1986; puncturing: Boneh and Waters 2013, section 3.2). A node's seed gives those of its sixteen
 * children by SHA-256, and a leaf's seed is its key. One seed is all there is to keep, until a leaf is destroyed: the seeds
 * above it then give way to those beside the path, from which every other key still derives, and that one does not.
 *
 * Immutable. It grows by `15 * DEPTH` seeds (6.6 KiB) at most with each destroyed leaf.
 */
export class KeyTree {
  private readonly remembered = new Map<string, Buffer>();

  private constructor(private readonly seeds: ReadonlyMap<string, Buffer>) {}

  static create(): KeyTree {
    return new KeyTree(new Map([['', randomBytes(SEED_BYTES)]]));
  }

  /** @param seeds by the path to their node, hexadecimal both. Throws TypeError for what is none. */
  static restore(seeds: Readonly<Record<string, unknown>>): KeyTree {
    const restored = Object.entries(seeds).map(([path, seed]): [string, Buffer] => {
      if (!/^[0-9a-f]{0,14}$/.test(path) || typeof seed !== 'string' || !/^[0-9a-f]{64}$/.test(seed)) {
        throw new TypeError(`the node '${path}' has no seed of ${SEED_BYTES} bytes`);
      }
      return [path, Buffer.from(seed, 'hex')];
    });
    return new KeyTree(new Map(restored));
  }

  /** The 32 bytes of a leaf's key; undefined when it was destroyed. */
  keyOf(leaf: string): Buffer | undefined {
    const start = leaf.slice(0, REMEMBERED_DEPTH);
    const remembered = this.remembered.get(start);
    if (remembered) return descend(remembered, leaf.slice(REMEMBERED_DEPTH));
    for (let depth = 0; depth <= DEPTH; depth += 1) {
      const seed = this.seeds.get(leaf.slice(0, depth));
      if (!seed) continue;
      if (depth > REMEMBERED_DEPTH) return descend(seed, leaf.slice(depth));
      const node = descend(seed, leaf.slice(depth, REMEMBERED_DEPTH));
      this.remembered.set(start, node);
      return descend(node, leaf.slice(REMEMBERED_DEPTH));
    }
    return undefined;
  }

  /** Without the leaves' keys, whatever is done from here on. */
  without(leaves: Iterable<string>): KeyTree {
    const seeds = new Map(this.seeds);
    for (const leaf of leaves) destroy(seeds, leaf);
    return new KeyTree(seeds);
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries([...this.seeds].map(([path, seed]) => [path, seed.toString('hex')]));
  }
}

function destroy(seeds: Map<string, Buffer>, leaf: string): void {
  for (let depth = 0; depth <= DEPTH; depth += 1) {
    const path = leaf.slice(0, depth);
    const seed = seeds.get(path);
    if (!seed) continue;
    seeds.delete(path);
    for (const child of depth < DEPTH ? '0123456789abcdef' : '') seeds.set(path + child, sha256(seed, child));
  }
}

function descend(seed: Buffer, path: string): Buffer {
  let node = seed;
  for (const digit of path) node = sha256(node, digit);
  return node;
}

function sha256(seed: Buffer, label: string): Buffer {
  const text = Buffer.allocUnsafe(SEED_BYTES + 1);
  seed.copy(text);
  text.write(label, SEED_BYTES, 'latin1');
  return hash('sha256', text, 'buffer');
}
