import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { EMPTY_ROOT, leafHash, MerkleTree } from './merkle';

const sha256 = (...parts: readonly Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const leaf = (data: string) => sha256(Buffer.from([0]), Buffer.from(data, 'hex'));

/** The definition in RFC 6962, section 2.1, word for word. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  const [only] = leaves;
  if (only && leaves.length === 1) return only;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Buffer.from([1]), definedRoot(leaves.slice(0, split)), definedRoot(leaves.slice(split)));
}

function treeOf(leaves: readonly Buffer[]): MerkleTree {
  const tree = MerkleTree.empty();
  for (const each of leaves) tree.append(each);
  return tree;
}

describe('the Merkle tree (RFC 6962)', () => {
  it("gives the roots of Certificate Transparency's reference vectors", () => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const roots = [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ];
    const tree = MerkleTree.empty();
    expect(tree.root()).toBe(EMPTY_ROOT);
    expect(
      inputs.map((input) => {
        tree.append(leaf(input));
        return tree.root();
      }),
    ).toEqual(roots);
  });

  it('takes tx, position and hash of an event as its leaf', () => {
    const event = { tx: '18446744073709551615', position: '258', hash: 'ab'.repeat(32) };
    expect(leafHash(event)).toEqual(leaf(`ffffffffffffffff0000000000000102${event.hash}`));
    // The example of docs/ledger-format.md.
    const example = {
      tx: '745',
      position: '1',
      hash: 'dc1e9283ca00d60290204d8ddaa4e82b357d6cda96333da635e44fa15b45d557',
    };
    expect(leafHash(example).toString('hex')).toBe('244528057a6fa8eea5538ecc1140e7dc947768e740d624c368aa86cd4b475b56');
    expect(() => leafHash({ ...event, hash: 'ab' })).toThrow(expect.objectContaining({ code: 'invalid_field' }));
  });

  const leaves = fc.array(
    fc.integer({ min: 0, max: 99 }).map((value) => leaf(value.toString(16).padStart(2, '0'))),
    { maxLength: 70 },
  );

  it('agrees with the definition, and goes on from a kept frontier', () => {
    fc.assert(
      fc.property(leaves, fc.nat(70), (all, cut) => {
        const tree = MerkleTree.from(JSON.parse(JSON.stringify(treeOf(all.slice(0, cut)).frontier())));
        for (const each of all.slice(cut)) tree.append(each);
        expect(tree.size).toBe(all.length);
        expect(tree.root()).toBe(definedRoot(all).toString('hex'));
      }),
    );
  });

  it('tells of each subtree that becomes full', () => {
    const all = ['00', '01', '02', '03', '04'].map(leaf);
    const told: string[] = [];
    const tree = MerkleTree.empty();
    for (const each of all)
      tree.append(each, (level, index, root) => told.push(`${level}/${index} ${root.toString('hex')}`));
    const root = (start: number, end: number) => definedRoot(all.slice(start, end)).toString('hex');
    expect(told).toEqual([`1/0 ${root(0, 2)}`, `1/1 ${root(2, 4)}`, `2/0 ${root(0, 4)}`]);
  });

  it('refuses a frontier that cannot be one', () => {
    for (const frontier of [
      { size: 3, nodes: ['ab'.repeat(32)] },
      { size: 1, nodes: ['x'] },
      { size: -1, nodes: [] },
    ]) {
      expect(() => MerkleTree.from(frontier)).toThrow(expect.objectContaining({ code: 'ledger_damaged' }));
    }
  });
});
