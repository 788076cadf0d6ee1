import type { LedgerRead } from '#contracts/events/audit';
import type { Principal } from '#contracts/identity';
import { type EventStore, NO_STREAM, toNewEvents } from '#libs/event-store';
import { type Clock, deterministicId, DomainError } from '#libs/kernel';
import { actorOf, type RequestTrace } from '#libs/service';

const MAX_ATTEMPTS = 50;

/** Who asks, and in which request. */
export interface Reading {
  readonly principal: Principal;
  readonly trace: RequestTrace;
}

/** Records who has read the ledger itself, before they get to see anything: it may hold personal data. */
export class ReadLog {
  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError('database_unavailable' | 'stream_conflict'): then nothing may be shown. */
  async record(what: LedgerRead['what'], query: object, { principal, trace }: Reading): Promise<void> {
    const { tenant, subject } = principal;
    const stream = `audit-${deterministicId('audit', tenant, subject)}`;
    const meta = { correlationId: trace.correlationId, traceparent: trace.traceparent };
    // As it was asked, without what was left out.
    const asked = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
    const event = { type: 'LedgerRead', data: { what, query: asked } };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const expected = (await this.store.heads('audit', [stream])).get(stream) ?? NO_STREAM;
      const envelope = { category: 'audit', stream, actor: actorOf(principal), meta, time: this.clock.now() } as const;
      const events = toNewEvents([event], envelope);
      const result = await this.store.append([{ category: 'audit', stream, tenant, expected, events }]);
      if (result.status !== 'conflict') return;
    }
    throw new DomainError('stream_conflict', 'The same person reads too much at the same time; try again.');
  }
}
