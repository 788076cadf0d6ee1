import type { KeyObject } from 'node:crypto';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { ConsistencyProof, InclusionProof } from '#contracts/proof';
import { eventHash, leafHash, type RecordedEvent, verifyConsistency, verifyInclusion } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { KeyRing } from '#libs/warrant';
import { signatureProblem } from './checkpoint';

/** What a proof comes to. */
export interface ProofReport {
  readonly verified: boolean;
  /** One sentence for people. */
  readonly summary: string;
  readonly problems: readonly string[];
}

/**
 * Verifies a proof offline. All that has to be trusted is the root key; a checkpoint that was kept elsewhere makes sure
 * that the proof is about the same ledger.
 * @param proof valid by its contract.
 * @param witness must be one of the checkpoints that the proof is about.
 */
export function verifyProof(
  proof: InclusionProof | ConsistencyProof,
  { rootPublicKey, witness }: { readonly rootPublicKey: KeyObject; readonly witness?: CheckpointSigned },
): ProofReport {
  const { keys, problems } = keysOf(proof, rootPublicKey);
  const checkpoints = proof.kind === 'inclusion' ? [proof.checkpoint] : [proof.from, proof.to];
  for (const checkpoint of checkpoints) {
    const problem = signatureProblem(checkpoint, keys);
    if (problem !== undefined) problems.push(`checkpoint ${checkpoint.sequence}: ${problem}`);
  }
  if (witness && !checkpoints.some(({ size, root }) => size === witness.size && root === witness.root)) {
    problems.push(`the witness, checkpoint ${witness.sequence}, is none of those that the proof is about`);
  }
  problems.push(...(proof.kind === 'inclusion' ? inclusionProblems(proof) : consistencyProblems(proof)));
  const verified = problems.length === 0;
  return { verified, problems, summary: verified ? meaningOf(proof) : 'The proof does not hold.' };
}

function keysOf(proof: InclusionProof | ConsistencyProof, rootPublicKey: KeyObject) {
  const keys = new KeyRing(rootPublicKey);
  const problems: string[] = [];
  for (const key of proof.keys) {
    try {
      keys.add(key);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      problems.push(`key ${key.keyId}: ${error.reason}`);
    }
  }
  return { keys, problems };
}

function inclusionProblems({ event, previousHash, index, checkpoint, path }: InclusionProof): string[] {
  const problems: string[] = [];
  if ((event.version === 1) !== (previousHash === '')) {
    problems.push('previousHash must be empty for the first version of a stream, and only there');
  }
  // Whatever its meta holds: the hash is over what is there.
  if (eventHash(event as unknown as RecordedEvent, previousHash) !== event.hash)
    problems.push('the hash of the event is not that of its content');
  if (!verifyInclusion(leafHash(event), index, checkpoint, path)) {
    problems.push(`the path does not lead from leaf ${index} to the root of checkpoint ${checkpoint.sequence}`);
  }
  return problems;
}

function consistencyProblems({ from, to, path }: ConsistencyProof): string[] {
  if (verifyConsistency(from, to, path)) return [];
  return [`the ledger of checkpoint ${to.sequence} does not begin with that of checkpoint ${from.sequence}`];
}

function meaningOf(proof: InclusionProof | ConsistencyProof): string {
  if (proof.kind === 'consistency') {
    const { from, to } = proof;
    return `The ${from.size} events of checkpoint ${from.sequence} begin the ${to.size} of checkpoint ${to.sequence}: nothing was changed or removed between.`;
  }
  const { event, index, checkpoint } = proof;
  return `Event ${event.id} (${event.type}, version ${event.version} of ${event.stream}) is number ${index + 1} of the ${checkpoint.size} events that checkpoint ${checkpoint.sequence} signed at ${checkpoint.signedAt}.`;
}
