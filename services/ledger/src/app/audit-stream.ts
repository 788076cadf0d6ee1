import type { Principal } from '#contracts/identity';
import { NO_STREAM, toNewEvents } from '#libs/event-store';
import { type DomainEvent, DomainError } from '#libs/kernel';
import { actorOf, type RequestTrace, type ServiceContext } from '#libs/service';

const MAX_ATTEMPTS = 50;

/** Who asks, and in which request. */
export interface Reading {
  readonly principal: Principal;
  readonly trace: RequestTrace;
}

/**
 * Appends an event to a stream of the category `audit`, after whatever others append to it at the same time.
 * @param busy what to say when they do so MAX_ATTEMPTS times in a row.
 * @returns when it was recorded.
 * @throws DomainError('database_unavailable' | 'stream_conflict')
 */
export async function appendToAudit(
  { store, clock }: Pick<ServiceContext, 'store' | 'clock'>,
  { stream, event, busy }: { readonly stream: string; readonly event: DomainEvent; readonly busy: string },
  { principal, trace }: Reading,
): Promise<string> {
  const { tenant } = principal;
  const meta = { correlationId: trace.correlationId, traceparent: trace.traceparent };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const expected = (await store.heads('audit', [stream])).get(stream) ?? NO_STREAM;
    const envelope = { category: 'audit', stream, actor: actorOf(principal), meta, time: clock.now() } as const;
    const events = toNewEvents([event], envelope);
    const result = await store.append([{ category: 'audit', stream, tenant, expected, events }]);
    if (result.status !== 'conflict') return result.events[0]?.time ?? clock.now().toISOString();
  }
  throw new DomainError('stream_conflict', busy);
}
