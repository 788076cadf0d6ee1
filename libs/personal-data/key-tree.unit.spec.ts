import * as fc from 'fast-check';
import { KeyTree } from './key-tree';

const leaf = fc.stringMatching(/^[0-9a-f]{14}$/);

describe('the tree of keys', () => {
  it('gives every leaf a key of its own, the same each time and after it was kept', () => {
    const tree = KeyTree.create();
    const kept = KeyTree.restore(JSON.parse(JSON.stringify(tree)) as Record<string, unknown>);
    fc.assert(
      fc.property(leaf, leaf, (one, other) => {
        fc.pre(one !== other);
        expect(tree.keyOf(one)).toHaveLength(32);
        expect(tree.keyOf(one)).toEqual(kept.keyOf(one));
        expect(tree.keyOf(one)).not.toEqual(tree.keyOf(other));
      }),
    );
  });

  it('forgets the keys that were destroyed and no others, in whatever order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(leaf, { maxLength: 6 }), fc.uniqueArray(leaf, { maxLength: 6 }), (gone, others) => {
        const tree = KeyTree.create();
        const left = gone.reduce((before, one) => before.without([one]), tree);
        const again = gone.toReversed().reduce((before, one) => before.without([one]), left);
        for (const one of gone) expect(again.keyOf(one)).toBeUndefined();
        for (const one of others.filter((name) => !gone.includes(name)))
          expect(again.keyOf(one)).toEqual(tree.keyOf(one));
      }),
    );
  });

  it('spares the nearest neighbours of a destroyed leaf', () => {
    const tree = KeyTree.create();
    const destroyed = 'a'.repeat(14);
    const neighbours = Array.from(
      { length: 14 },
      (_, depth) => `${destroyed.slice(0, depth)}b${destroyed.slice(depth + 1)}`,
    );
    const left = tree.without([destroyed]);
    for (const one of neighbours) expect(left.keyOf(one)).toEqual(tree.keyOf(one));
  });

  it('keeps nothing from which a destroyed key could be derived', () => {
    const destroyed = '0123456789abcd';
    const seeds = KeyTree.create().without([destroyed]).toJSON();
    expect(Object.keys(seeds).filter((path) => destroyed.startsWith(path))).toEqual([]);
    expect(Object.keys(seeds)).toHaveLength(14 * 15);
  });

  it('takes nothing for a tree that is none', () => {
    expect(() => KeyTree.restore({ g: 'ff' })).toThrow(TypeError);
    expect(() => KeyTree.restore({ a: 1 })).toThrow(TypeError);
  });
});
