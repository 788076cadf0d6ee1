import type { OnModuleInit } from '@nestjs/common';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { WitnessView } from '#contracts/witness';
import type { ServiceContext } from '#libs/service';
import { keyIdOf, loadRootPublicKey, publicKeyText } from '#libs/warrant';
import { addToFile, lastWitnessed, postStatement } from '../adapters/witness-client';
import type { WitnessTable } from '../adapters/witness-table';
import type { Witness } from '../domain/witness';
import type { LedgerProofs } from './ledger-proofs';

const JOB = 'witness';
/** Longer than the two calls that a delivery may make. */
const LEASE_MS = 30_000;
const SOON_MS = 15_000;

/**
 * Brings the last checkpoint to each witness outside, once in a while: it speaks for all before it. A delivery that was
 * not recorded is made again; the witness knows it by its idempotency key, or by the checkpoint itself.
 */
export class WitnessDelivery implements OnModuleInit {
  constructor(
    private readonly context: Pick<ServiceContext, 'jobs' | 'logger' | 'settings'>,
    private readonly witnesses: readonly Witness[],
    private readonly table: WitnessTable,
    private readonly proofs: LedgerProofs,
  ) {}

  async onModuleInit(): Promise<void> {
    const { jobs } = this.context;
    if (this.witnesses.length === 0) return;
    // A leased job for each witness: one that does not answer holds up no other.
    jobs.handle(JOB, { leaseMs: LEASE_MS, concurrency: this.witnesses.length }, async ({ payload }) => {
      const witness = this.witnesses.find(({ name }) => name === payload['name']);
      // Of a process with another configuration, or removed from it.
      if (!witness) return { status: 'again', afterMs: SOON_MS };
      return { status: 'again', afterMs: await this.attempt(witness) };
    });
    await jobs.schedule(
      this.witnesses.map(({ name }) => ({ id: `${JOB}-${name}`, kind: JOB, tenant: '*', payload: { name } })),
    );
  }

  async view(): Promise<WitnessView[]> {
    const progress = await this.table.all();
    return this.witnesses.map(({ name, kind }) => {
      const { sequence, deliveredAt, failure } = progress.find((row) => row.name === name) ?? {};
      return { name, kind, sequence: sequence ?? null, deliveredAt: deliveredAt ?? null, failure: failure ?? null };
    });
  }

  /** In how many milliseconds the next attempt is due. */
  private async attempt(witness: Witness): Promise<number> {
    const soon = Math.min(witness.everyMs, SOON_MS);
    try {
      const checkpoint = await this.proofs.lastCheckpoint();
      const { sequence } = (await this.table.all()).find(({ name }) => name === witness.name) ?? {};
      if (!checkpoint || checkpoint.sequence <= (sequence ?? 0)) return soon;
      await this.deliver(witness, checkpoint);
      await this.table.delivered(witness.name, checkpoint.sequence);
      return witness.everyMs;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.context.logger.warn({ witness: witness.name, reason }, 'a witness did not take the checkpoint');
      await this.table.failed(witness.name, reason);
      return soon;
    }
  }

  private async deliver(witness: Witness, checkpoint: CheckpointSigned): Promise<void> {
    if (witness.kind === 'file') return addToFile(witness.path, checkpoint);
    const publicKey = publicKeyText(await loadRootPublicKey(this.context.settings));
    const ledger = keyIdOf(publicKey);
    const key = `${ledger}-${checkpoint.sequence}`;
    const known = witness.kind === 'countersign' ? await lastWitnessed(witness, ledger) : undefined;
    if (known?.checkpoint.signature === checkpoint.signature) return;
    const from = known?.checkpoint.sequence ?? null;
    const proof = from === null ? undefined : await this.proofs.ofConsistency(from, checkpoint.sequence);
    const keys = proof?.keys ?? (await this.proofs.keysOf(checkpoint));
    await postStatement(witness, { publicKey, keys, checkpoint, from, path: proof?.path ?? [] }, key);
  }
}
