import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { BUS, type BusMessage, type Outcome } from '#libs/bus';
import type { EventStore } from '#libs/event-store';
import { EVENT_STORE, forgetErased, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { EvidenceStore } from '../adapters/evidence-store';

/** The files of a case that was erased go too, unless another case has the same ones. */
@Controller()
export class ErasureReaction {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(EvidenceStore) private readonly evidence: EvidenceStore,
  ) {}

  @EventPattern('countersign.audit', BUS, { batch: 100, attempts: 1000 })
  onAudit(messages: BusMessage[]): Promise<Outcome[]> {
    return forgetErased(this.context, messages, async ({ records }, tenant) => {
      const cases = records.filter((stream) => stream.startsWith('case-'));
      const digests = new Set<string>();
      for (const stream of cases) {
        for (const { type, data } of await this.store.readStream('case', stream)) {
          if (type === 'CaseEvidenceAdded' && typeof data['digest'] === 'string') digests.add(data['digest']);
        }
      }
      if (digests.size === 0) return;
      const elsewhere = await this.usedBeyond(cases, [...digests], tenant);
      await this.evidence.drop(
        tenant,
        [...digests].filter((digest) => !elsewhere.has(digest)),
      );
    });
  }

  /** A digest is no personal data, and so is in the open in the ledger. Erasures are rare: no index serves this. */
  private async usedBeyond(cases: readonly string[], digests: readonly string[], tenant: string): Promise<Set<string>> {
    const { rows } = await this.context.ledgerPool.query<{ digest: string }>(
      `select distinct data->>'digest' as digest from ledger.events
       where category = 'case' and type = 'CaseEvidenceAdded' and tenant = $1
         and data->>'digest' = any($2) and stream <> all($3)`,
      [tenant, digests, cases],
    );
    return new Set(rows.map(({ digest }) => digest));
  }
}
