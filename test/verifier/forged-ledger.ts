import { type CheckpointClaims, checkpointDigest, signCheckpoint } from '#libs/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { eventHash, leafHash, MerkleTree, type RecordedEvent } from '#libs/event-store';
import type { Signer } from '#libs/warrant';

/**
 * A ledger written anew from an event that is changed: every chain with hashes that fit, and with `signer` every
 * checkpoint signed again over it. Nothing in it shows that it was ever another one.
 * @param events in the ledger's order.
 */
export function forgedLedger(
  events: readonly RecordedEvent[],
  change: (event: RecordedEvent) => RecordedEvent,
  signer?: Signer,
): RecordedEvent[] {
  const hashes = new Map<string, string>();
  const forged: RecordedEvent[] = [];
  let before: CheckpointSigned | undefined;
  for (const event of events) {
    let changed = change(event);
    if (signer && event.type === 'CheckpointSigned') {
      // What our own service has written, by its contract.
      const { keyId: _, signature: __, ...claims } = event.data as unknown as CheckpointSigned;
      before = signCheckpoint(forgedClaims(claims, forged, before), signer);
      changed = { ...changed, data: { ...before } };
    }
    const key = `${event.category} ${event.stream}`;
    const hash = eventHash(changed, hashes.get(key) ?? '');
    hashes.set(key, hash);
    forged.push({ ...changed, hash });
  }
  return forged;
}

function forgedClaims(
  claims: CheckpointClaims,
  events: readonly RecordedEvent[],
  before: CheckpointSigned | undefined,
): CheckpointClaims {
  const tree = MerkleTree.empty();
  for (const event of events.slice(0, claims.size)) tree.append(leafHash(event));
  return { ...claims, root: tree.root(), previous: before ? checkpointDigest(before) : null };
}
