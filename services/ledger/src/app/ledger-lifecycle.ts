import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { createRelay, type Relay, trimLog } from '#libs/bus';
import type { ServiceContext } from '#libs/service';
import { loadEndedKeys, loadKeyPair } from '#libs/warrant';
import type { ArchiveLog } from './archive-log';
import type { CheckpointSigner } from './checkpoint-signer';
import type { Erasures } from './erasures';
import { observeLedger } from './ledger-metrics';

const CHECKPOINT_JOB = 'checkpoint';
const ERASURE_JOB = 'carry-out-erasures';
const ERASURES_EVERY_MS = 10_000;
const TRIM_JOB = 'trim-bus-log';
const TRIM_EVERY_MS = 10 * 60_000;
/** Of looks at whether a checkpoint is due. */
const TICK_MS = 1_000;
/** A signer that was killed is replaced after so long. */
const LEASE_MS = 10_000;

/** What the ledger's service does by itself: signs checkpoints, and relays events to Kafka where there is one. */
export class LedgerLifecycle implements OnModuleInit, OnModuleDestroy {
  private relay: Relay | undefined;
  private relayStopped: Promise<void> | undefined;
  private hasKeys = false;

  constructor(
    private readonly context: Pick<
      ServiceContext,
      'settings' | 'jobs' | 'store' | 'publisher' | 'ledgerPool' | 'logger' | 'telemetry' | 'metrics' | 'stopping'
    >,
    private readonly signer: CheckpointSigner,
    private readonly archives: ArchiveLog,
    private readonly erasures: Pick<Erasures, 'carryOut'>,
  ) {}

  async onModuleInit(): Promise<void> {
    const { settings, jobs, store, publisher, ledgerPool, logger, telemetry, stopping } = this.context;
    observeLedger(this.context.metrics, ledgerPool, () => this.relay);
    await this.signer.begin(await loadKeyPair(settings, 'checkpoint'), await loadEndedKeys(settings, 'checkpoint'));
    this.hasKeys = true;
    // A leased job: one process at a time signs, and another goes on when it dies.
    jobs.handle(CHECKPOINT_JOB, { leaseMs: LEASE_MS, concurrency: 1 }, async () => {
      await this.archives.record();
      await this.signer.signIfDue();
      return { status: 'again', afterMs: TICK_MS };
    });
    await jobs.schedule([{ id: CHECKPOINT_JOB, kind: CHECKPOINT_JOB, tenant: '*', payload: {} }]);
    await this.carryOutErasures();
    if (settings.bus !== 'kafka') return this.trimLog();
    const relay = (this.relay = createRelay({ store, publisher, pool: ledgerPool, logger, telemetry }));
    relay.start();
    stopping.addEventListener('abort', () => void (this.relayStopped ??= relay.stop()), { once: true });
  }

  /** At once, for what a crash has left undone, or a file of keys that was restored has brought back. */
  private async carryOutErasures(): Promise<void> {
    const { jobs } = this.context;
    await this.erasures.carryOut();
    jobs.handle(ERASURE_JOB, { leaseMs: LEASE_MS, concurrency: 1 }, async () => {
      await this.erasures.carryOut();
      return { status: 'again', afterMs: ERASURES_EVERY_MS };
    });
    await jobs.schedule([{ id: ERASURE_JOB, kind: ERASURE_JOB, tenant: '*', payload: {} }]);
  }

  /** What the bus on PostgreSQL has carried does not stay for ever, as little as it would on Kafka. */
  private async trimLog(): Promise<void> {
    const { jobs, ledgerPool } = this.context;
    jobs.handle(TRIM_JOB, { leaseMs: LEASE_MS, concurrency: 1 }, async (_, signal) => {
      await trimLog(ledgerPool, undefined, signal);
      return { status: 'again', afterMs: TRIM_EVERY_MS };
    });
    await jobs.schedule([{ id: TRIM_JOB, kind: TRIM_JOB, tenant: '*', payload: {} }]);
  }

  /** The last checkpoint of this process covers what the others have written before they stopped. */
  async onModuleDestroy(): Promise<void> {
    this.relayStopped ??= this.relay?.stop();
    try {
      if (this.hasKeys) await this.signer.signNow();
    } catch (error) {
      this.context.logger.warn({ err: error }, 'no checkpoint could be signed at the end; the next start signs one');
    }
    await this.relayStopped;
  }
}
