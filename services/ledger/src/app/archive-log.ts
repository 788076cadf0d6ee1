import type { Pool } from 'pg';
import { serviceActor } from '#contracts/envelope';
import type { HistoryArchived } from '#contracts/events/audit';
import { DEFAULT_TENANT } from '#contracts/identity';
import { type ArchiveRecord, type EventStore, listArchives, NO_STREAM, toNewEvents } from '#libs/event-store';
import type { Clock } from '#libs/kernel';

const STREAM = 'audit-archive';

/**
 * Makes an event of each shelf that an archivist has dropped. The row in `ledger.archives` was written in the transaction
 * that dropped it: whenever that was, and whoever was killed then, the event still comes, once.
 */
export class ArchiveLog {
  constructor(
    private readonly store: EventStore,
    private readonly pool: Pool,
    private readonly clock: Clock,
  ) {}

  async record(): Promise<void> {
    const { version, hash } = (await this.store.heads('audit', [STREAM])).get(STREAM) ?? NO_STREAM;
    // Numbers can have gaps, where an archivist's transaction was rolled back.
    const [last] = version === 0 ? [] : await this.store.readStream('audit', STREAM, { from: version });
    const news = await listArchives(this.pool, Number(last?.data['number'] ?? 0));
    if (news.length === 0) return;
    const actor = serviceActor('ledger');
    const events = news.flatMap((archive) =>
      toNewEvents([{ type: 'HistoryArchived', data: fact(archive) }], {
        ...{ category: 'audit', stream: STREAM, actor, time: this.clock.now() },
        meta: { correlationId: archive.file, causationId: archive.sha256 },
      }),
    );
    // When another process was faster, the next call finds nothing left.
    await this.store.append([
      { category: 'audit', stream: STREAM, tenant: DEFAULT_TENANT, expected: { version, hash }, events },
    ]);
  }
}

function fact({ number, category, shelf, events, file, sha256, ...archive }: ArchiveRecord): HistoryArchived {
  const { first, last, checkpoint, archivedAt } = archive;
  const when = new Date(archivedAt).toISOString();
  return { number, category, shelf, events, file, sha256, from: first, to: last, checkpoint, archivedAt: when };
}
