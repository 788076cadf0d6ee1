import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { type ConsistencyProof, type InclusionProof, PROOF_FORMAT } from '#contracts/proof';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  MerkleTree,
  type RecordedEvent,
  type SubtreeRoots,
} from '#libs/event-store';
import { AuditedLedger } from './audited-ledger.fixture';
import { verifyProof } from './verify-proof';

let ledger: AuditedLedger;
let events: readonly RecordedEvent[];

beforeEach(async () => {
  ledger = new AuditedLedger();
  await ledger.publishKey();
  for (const text of ['one', 'two', 'three']) await ledger.note('case-a', text);
  await ledger.checkpoint();
  for (const text of ['four', 'five']) await ledger.note('case-a', text);
  await ledger.checkpoint();
  events = await ledger.events();
});

const roots: SubtreeRoots = async (level, index) => {
  const tree = MerkleTree.empty();
  for (const event of events.slice(index * 2 ** level, (index + 1) * 2 ** level)) tree.append(leafHash(event));
  return Buffer.from(tree.root(), 'hex');
};
function checkpoint(sequence: number) {
  const found = ledger.checkpoints[sequence - 1];
  if (!found) throw new Error('there is no such checkpoint');
  return found;
}
async function inclusion(index: number): Promise<InclusionProof> {
  const event = events[index];
  if (!event) throw new Error('there is no such event');
  const before = events.find(({ stream, version }) => stream === event.stream && version === event.version - 1);
  return {
    kind: 'inclusion',
    format: PROOF_FORMAT,
    event: { ...event },
    previousHash: before?.hash ?? '',
    index,
    checkpoint: checkpoint(2),
    path: await inclusionProof(roots, index, checkpoint(2).size),
    keys: [ledger.keys.published],
  };
}
async function consistency(): Promise<ConsistencyProof> {
  const [from, to] = [checkpoint(1), checkpoint(2)];
  const path = await consistencyProof(roots, from.size, to.size);
  return { kind: 'consistency', format: PROOF_FORMAT, from, to, path, keys: [ledger.keys.published] };
}
const verify = (proof: InclusionProof | ConsistencyProof, more = {}) =>
  verifyProof(proof, { rootPublicKey: ledger.rootPublicKey, ...more });

describe('a proof about an event', () => {
  it('holds by nothing but the root key', async () => {
    for (const index of [0, 1, 3, 6])
      expect(verify(await inclusion(index))).toMatchObject({ verified: true, problems: [] });
    expect(verify(await inclusion(3)).summary).toMatch(
      /version 3 of case-a.* is number 4 of the 7 events that checkpoint 2/,
    );
  });

  it('does not hold for another content, hash, place, path or checkpoint', async () => {
    const proof = await inclusion(2);
    const { event } = proof;
    const wrong: Partial<InclusionProof>[] = [
      { event: { ...event, data: { ...event.data, text: 'changed' } } },
      { event: { ...event, hash: 'ab'.repeat(32) } },
      { event: { ...event, position: '999' } },
      { previousHash: '' },
      { index: 1 },
      { path: proof.path.slice(1) },
      { checkpoint: { ...proof.checkpoint, size: proof.checkpoint.size + 1 } },
      { keys: [] },
    ];
    for (const change of wrong) expect(verify({ ...proof, ...change })).toMatchObject({ verified: false });
  });

  it('does not hold under another root, or beside a witness that it is not about', async () => {
    const proof = await inclusion(2);
    const other = createPublicKey(generateKeyPairSync('ed25519').privateKey);
    expect(verify(proof, { rootPublicKey: other }).problems).toEqual([
      expect.stringContaining('key '),
      expect.stringContaining('checkpoint 2: '),
    ]);
    expect(verify(proof, { witness: checkpoint(2) }).verified).toBe(true);
    expect(verify(proof, { witness: checkpoint(1) })).toMatchObject({ verified: false });
  });
});

describe('a proof about two checkpoints', () => {
  it('holds, and says what it means', async () => {
    expect(verify(await consistency())).toEqual({
      verified: true,
      problems: [],
      summary: 'The 4 events of checkpoint 1 begin the 7 of checkpoint 2: nothing was changed or removed between.',
    });
  });

  it('does not hold for a ledger that was changed between', async () => {
    const proof = await consistency();
    const { verified, problems } = verify({ ...proof, path: proof.path.map(() => 'ab'.repeat(32)) });
    expect(verified).toBe(false);
    expect(problems).toEqual(['the ledger of checkpoint 2 does not begin with that of checkpoint 1']);
  });
});
