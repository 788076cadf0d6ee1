import type { Actor, EventMeta } from '#contracts/envelope';
import type { AuditEvent } from '#contracts/events/audit';
import type { WitnessedLedger, WitnessStatement } from '#contracts/witness';
import { demandSignature } from '#libs/audit';
import { type EventStore, NO_STREAM, toNewEvents, verifyConsistency } from '#libs/event-store';
import { type Clock, deterministicId, DomainError } from '#libs/kernel';
import { keyIdOf, publicKeyOf } from '#libs/warrant';
import { witnessedDecider } from '../domain/witnessed.decider';

const MAX_ATTEMPTS = 10;

/** On whose behalf a statement is taken, and for which request. */
export interface WitnessContext {
  readonly tenant: string;
  readonly actor: Actor;
  readonly meta: EventMeta;
}

/** The ledgers of others, whose checkpoints are left here: this one is their witness. */
export class WitnessedLedgers {
  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError('not_found') for a ledger that has left nothing here with this tenant. */
  async last(ledger: string, tenant: string): Promise<WitnessedLedger> {
    const { last } = await this.read(witnessStream(tenant, ledger));
    if (last) return last;
    throw new DomainError('not_found', { field: 'ledger', reason: `No checkpoint of the ledger ${ledger} is here.` });
  }

  /**
   * Takes a checkpoint; the same one again changes nothing.
   * @throws DomainError('signing_key_invalid' | 'invalid_field') for one that its ledger has not signed.
   * @throws DomainError('stream_conflict') when it starts from another checkpoint than the one that is here.
   * @throws DomainError('ledger_contradicted') when it does not continue that one; the contradiction is recorded.
   */
  async witness(statement: WitnessStatement, context: WitnessContext): Promise<WitnessedLedger> {
    const { publicKey, keys, checkpoint, from, path } = statement;
    demandSignature(checkpoint, keys, publicKeyOf(publicKey));
    const ledger = keyIdOf(publicKey);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { last, head } = await this.read(witnessStream(context.tenant, ledger));
      const known = last?.checkpoint;
      const isConsistent = known === undefined || verifyConsistency(known, checkpoint, path);
      const command = { type: 'WitnessCheckpoint', ledger, publicKey, checkpoint, from, isConsistent } as const;
      const [event] = witnessedDecider.decide(command, { checkpoint: known });
      if (event?.type === 'CheckpointContradicted') {
        await this.append(contradictionStream(context.tenant, ledger), event, context);
        throw new DomainError('ledger_contradicted', { field: 'checkpoint', reason: event.data.reason });
      }
      if (!event || (await this.append(witnessStream(context.tenant, ledger), event, context, head))) {
        return { ledger, publicKey, checkpoint };
      }
    }
    throw new DomainError(
      'stream_conflict',
      'Others leave checkpoints of the same ledger at the same time; try again.',
    );
  }

  private async read(stream: string) {
    const head = (await this.store.heads('audit', [stream])).get(stream) ?? NO_STREAM;
    if (head.version === 0) return { head, last: undefined };
    const [event] = await this.store.readStream('audit', stream, { from: head.version, limit: 1 });
    // What this service has written, by its contract.
    return { head, last: event?.data as unknown as WitnessedLedger };
  }

  /** False when somebody else was faster. */
  private async append(stream: string, event: AuditEvent, context: WitnessContext, at?: typeof NO_STREAM) {
    const { tenant, actor, meta } = context;
    const expected = at ?? (await this.store.heads('audit', [stream])).get(stream) ?? NO_STREAM;
    const events = toNewEvents([event], { category: 'audit', stream, actor, meta, time: this.clock.now() });
    const result = await this.store.append([{ category: 'audit', stream, tenant, expected, events }]);
    return result.status !== 'conflict';
  }
}

const witnessStream = (tenant: string, ledger: string): string =>
  `audit-witness-${deterministicId('witness', tenant, ledger)}`;
const contradictionStream = (tenant: string, ledger: string): string =>
  `audit-contradicted-${deterministicId('witness', tenant, ledger)}`;
