import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import type { AuditReport } from '#contracts/audit';
import { LedgerVerifier } from '#libs/audit';
import type { EventStore } from '#libs/event-store';
import { untilVisible, walkLedger } from '../adapters/ledger-walk';
import type { TreeStateTable } from '../adapters/tree-state-table';

export interface LedgerAuditOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly kept: TreeStateTable;
  /** The pinned root. */
  readonly rootPublicKey: () => Promise<KeyObject>;
  readonly stopping: AbortSignal;
}

/** Walks the ledger itself. */
export class LedgerAudit {
  private current: Promise<AuditReport> | undefined;
  private next: Promise<AuditReport> | undefined;

  constructor(private readonly options: LedgerAuditOptions) {}

  /** A walk reads everything: one at a time, and all who ask while one is under way share the one after it. */
  verify(): Promise<AuditReport> {
    if (!this.current) return this.begin();
    this.next ??= this.current.then(
      () => this.begin(),
      () => this.begin(),
    );
    return this.next;
  }

  private begin(): Promise<AuditReport> {
    this.next = undefined;
    const walk = this.walk().finally(() => {
      if (this.current === walk) this.current = undefined;
    });
    this.current = walk;
    return walk;
  }

  private async walk(): Promise<AuditReport> {
    const { store, pool, kept, stopping, rootPublicKey } = this.options;
    const verifier = new LedgerVerifier({ rootPublicKey: await rootPublicKey() });
    const counted = (await kept.load())?.frontier.size ?? 0;
    let events = 0;
    await untilVisible(pool);
    for await (const page of walkLedger(store, pool, { signal: stopping })) {
      for (const event of page) verifier.add(event);
      events += page.length;
    }
    if (events < counted) {
      const reason = `${counted} events were counted before, and ${events} are there: the end was cut off`;
      verifier.problem({ kind: 'tail_missing', reason });
    }
    return verifier.report();
  }
}
