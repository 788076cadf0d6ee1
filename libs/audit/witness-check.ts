import type { AuditProblem } from '#contracts/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { leafHash, MerkleTree } from '#libs/event-store';
import type { SigningKeys } from '#libs/warrant';
import { checkpointDigest, signatureProblem } from './checkpoint';
import type { Leaf } from './leaf-window';

/**
 * Holds a ledger against a checkpoint that was kept elsewhere. Only such a one finds a cut-off tail, together with the
 * checkpoints in it, and a ledger that was written anew by somebody who has the signing key.
 */
export class WitnessCheck {
  private readonly tree = MerkleTree.empty();
  /** Of the first `size` leaves, once they are there. */
  private root: string | undefined;
  private isInLedger = false;

  constructor(private readonly witness: CheckpointSigned) {
    this.keepRoot();
  }

  addLeaf(leaf: Leaf): void {
    if (this.root !== undefined) return;
    this.tree.append(leafHash(leaf));
    this.keepRoot();
  }

  addCheckpoint(checkpoint: CheckpointSigned): void {
    if (checkpoint.sequence !== this.witness.sequence) return;
    this.isInLedger ||= checkpointDigest(checkpoint) === checkpointDigest(this.witness);
  }

  /**
   * What contradicts the witness; undefined when it agrees.
   * @param keys those that the ledger has published by its end.
   * @param present how many leaves there were.
   */
  problem(keys: SigningKeys, present: number): AuditProblem | undefined {
    const { sequence, size, root } = this.witness;
    const unsigned = signatureProblem(this.witness, keys);
    if (unsigned !== undefined) return { kind: 'witness_signature', reason: unsigned, sequence };
    if (this.root === undefined) {
      const reason = `the witness covers ${size} events, of which ${present} are there: the end was cut off, or the export is older`;
      return { kind: 'witness_size', reason, sequence };
    }
    if (this.root !== root) {
      const reason = `the first ${size} events are not those that the witness has signed`;
      return { kind: 'witness_root', reason, sequence };
    }
    if (this.isInLedger) return undefined;
    return this.missing(`checkpoint ${sequence}, the witness, is not there: it was removed, or the export is older`);
  }

  missing(reason: string): AuditProblem {
    return { kind: 'witness_missing', reason, sequence: this.witness.sequence };
  }

  private keepRoot(): void {
    if (this.tree.size === this.witness.size) this.root = this.tree.root();
  }
}
