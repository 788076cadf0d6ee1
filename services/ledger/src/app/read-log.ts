import type { LedgerRead } from '#contracts/events/audit';
import type { EventStore } from '#libs/event-store';
import { type Clock, deterministicId } from '#libs/kernel';
import { appendToAudit, type Reading } from './audit-stream';

/** Records who has read the ledger itself, before they get to see anything: it may hold personal data. */
export class ReadLog {
  constructor(
    readonly store: EventStore,
    readonly clock: Clock,
  ) {}

  /** @throws DomainError('database_unavailable' | 'stream_conflict'): then nothing may be shown. */
  async record(what: LedgerRead['what'], query: object, reading: Reading): Promise<void> {
    const { tenant, subject } = reading.principal;
    const stream = `audit-${deterministicId('audit', tenant, subject)}`;
    // As it was asked, without what was left out.
    const asked = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
    const event = { type: 'LedgerRead', data: { what, query: asked } };
    const busy = 'The same person reads too much at the same time; try again.';
    await appendToAudit(this, { stream, event, busy }, reading);
  }
}
