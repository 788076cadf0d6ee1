import type { AuditEvent } from '#contracts/events/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { type Decider, DomainError } from '#libs/kernel';

/** Another ledger, as far as it was witnessed here. */
export interface WitnessedState {
  readonly checkpoint: CheckpointSigned | undefined;
}

export interface WitnessCheckpoint {
  readonly type: 'WitnessCheckpoint';
  readonly ledger: string;
  readonly publicKey: string;
  readonly checkpoint: CheckpointSigned;
  /** The number of the checkpoint that the sender took to be here. */
  readonly from: number | null;
  /** Whether the proof that came along leads from that one to this one. */
  readonly isConsistent: boolean;
}

type WitnessEvent = Extract<AuditEvent, { type: 'CheckpointWitnessed' | 'CheckpointContradicted' }>;

/** Takes a checkpoint that continues what was witnessed before; records one that does not, for it proves a rewriting. */
export const witnessedDecider: Decider<WitnessedState, WitnessCheckpoint, WitnessEvent> = {
  initialState: () => ({ checkpoint: undefined }),

  decide({ ledger, publicKey, checkpoint, from, isConsistent }, { checkpoint: known }) {
    if (known?.signature === checkpoint.signature) return [];
    if ((known?.sequence ?? null) !== from) {
      throw new DomainError('stream_conflict', {
        field: 'from',
        reason: known ? `is to be ${known.sequence}, the checkpoint that is here` : 'is to be null: none is here yet',
      });
    }
    const reason = known && contradiction(known, checkpoint, isConsistent);
    if (reason === undefined) return [{ type: 'CheckpointWitnessed', data: { ledger, publicKey, checkpoint } }];
    return [{ type: 'CheckpointContradicted', data: { ledger, publicKey, checkpoint, reason } }];
  },

  evolve(state, event) {
    return event.type === 'CheckpointWitnessed' ? { checkpoint: event.data.checkpoint } : state;
  },
};

function contradiction(known: CheckpointSigned, next: CheckpointSigned, isConsistent: boolean): string | undefined {
  if (next.sequence <= known.sequence) {
    return `number ${next.sequence} is signed anew, and ${known.sequence} is here already`;
  }
  return isConsistent ? undefined : `its ${next.size} events do not begin with the ${known.size} witnessed before`;
}
