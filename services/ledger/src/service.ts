import Type, { type Static } from 'typebox';
import { DeadLetters } from '#libs/bus';
import { defineService, type ServiceContext } from '#libs/service';
import { loadRootPublicKey } from '#libs/warrant';
import { TreeNodeTable } from './adapters/tree-node-table';
import { TreeStateTable } from './adapters/tree-state-table';
import { WitnessTable } from './adapters/witness-table';
import { readWitnesses } from './adapters/witnesses-file';
import { ArchiveLog } from './app/archive-log';
import { AuditController } from './app/audit.controller';
import { CheckpointSigner } from './app/checkpoint-signer';
import { DeadLettersController } from './app/dead-letters.controller';
import { Erasures } from './app/erasures';
import { EventsController } from './app/events.controller';
import { PersonalDataController } from './app/personal-data.controller';
import { ProofsController } from './app/proofs.controller';
import { ReadLog } from './app/read-log';
import { WitnessDelivery } from './app/witness-delivery';
import { WitnessedLedgers } from './app/witnessed-ledgers';
import { WitnessesController } from './app/witnesses.controller';
import { LedgerAudit } from './app/ledger-audit';
import { LedgerLifecycle } from './app/ledger-lifecycle';
import { LedgerProofs } from './app/ledger-proofs';
import { MerkleFollower } from './app/merkle-follower';
import { TreeState1764000000000 } from './read/migrations/1764000000000-tree-state';
import { TreeNodes1764200000000 } from './read/migrations/1764200000000-tree-nodes';
import { Witnesses1764300000000 } from './read/migrations/1764300000000-witnesses';
import { TreeStateRow } from './read/tree-state.entity';

const config = Type.Object({
  /** A checkpoint is signed after so many events that none covers, */
  LEDGER_CHECKPOINT_EVENTS: Type.Integer({ minimum: 1, default: 1000 }),
  /** or when the last one is so many seconds old, */
  LEDGER_CHECKPOINT_SECONDS: Type.Integer({ minimum: 1, default: 10 }),
  /** or when nothing has been recorded for so many milliseconds. */
  LEDGER_CHECKPOINT_IDLE_MS: Type.Integer({ minimum: 100, default: 2000 }),
  /** Who keeps the checkpoints outside (YAML); nobody when absent. */
  LEDGER_WITNESSES_FILE: Type.Optional(Type.String({ minLength: 1 })),
});

/** Checkpoints, the audit, dead letters, and the relay to Kafka. */
export const service = defineService({
  name: 'ledger',
  port: 8087,
  readsAsStored: true,
  config,
  entities: [TreeStateRow],
  migrations: [TreeState1764000000000, TreeNodes1764200000000, Witnesses1764300000000],
  projections: () => [],
  module: (context) => ({
    module: LedgerModule,
    controllers: [
      AuditController,
      ProofsController,
      WitnessesController,
      EventsController,
      PersonalDataController,
      DeadLettersController,
    ],
    providers: providersOf(context),
  }),
});

class LedgerModule {}

function providersOf(context: ServiceContext<Static<typeof config>>) {
  const { store, ledgerPool: pool, database, clock, settings, stopping, config: schedule } = context;
  const kept = new TreeStateTable(database);
  const signer = new CheckpointSigner(store, new MerkleFollower(store, kept, clock), clock, {
    everyEvents: schedule.LEDGER_CHECKPOINT_EVENTS,
    everyMs: schedule.LEDGER_CHECKPOINT_SECONDS * 1000,
    idleMs: schedule.LEDGER_CHECKPOINT_IDLE_MS,
  });
  const proofs = new LedgerProofs(store, pool, new TreeNodeTable(database));
  const erasures = new Erasures(context);
  const rootPublicKey = () => loadRootPublicKey(settings);
  return [
    { provide: CheckpointSigner, useValue: signer },
    { provide: LedgerAudit, useValue: new LedgerAudit({ store, pool, kept, rootPublicKey, stopping }) },
    { provide: LedgerProofs, useValue: proofs },
    {
      provide: WitnessDelivery,
      useValue: new WitnessDelivery(
        context,
        readWitnesses(schedule.LEDGER_WITNESSES_FILE),
        new WitnessTable(database),
        proofs,
      ),
    },
    { provide: WitnessedLedgers, useValue: new WitnessedLedgers(store, clock) },
    { provide: ReadLog, useValue: new ReadLog(store, clock) },
    { provide: Erasures, useValue: erasures },
    { provide: DeadLetters, useValue: new DeadLetters(pool) },
    {
      provide: LedgerLifecycle,
      useValue: new LedgerLifecycle(context, signer, new ArchiveLog(store, pool, clock), erasures),
    },
  ];
}
