import type { SourceEvent } from '#contracts/events/source';
import type { JobQueue } from '#libs/jobs';
import { isJsonObject } from '#libs/kernel';
import type { Projection } from '#libs/read-model';
import type { EntityManager } from 'typeorm';
import { PollRow } from './poll.entity';

/** Jobs that poll a source, one for each revision of its configuration. */
export const POLL_JOB = 'poll-source';

const jobOf = (sourceId: string, revision: number): string => `${POLL_JOB}-${sourceId}-${revision}`;

type Jobs = Pick<JobQueue, 'schedule' | 'cancel'>;

/** How sources are polled; who is to be polled has a job. */
export function pollProjection(jobs: Jobs): Projection {
  return {
    name: 'polls',
    categories: ['source'],
    entities: [PollRow],

    async apply(events, tx) {
      for (const { type, data, tenant } of events) {
        // The ledger holds only what the contract of the category allows.
        await applyOne({ type, data } as unknown as SourceEvent, tenant, tx, jobs);
      }
    },
  };
}

async function applyOne({ type, data }: SourceEvent, tenant: string, tx: EntityManager, jobs: Jobs): Promise<void> {
  const { sourceId } = data;
  switch (type) {
    case 'PollConfigured': {
      const { revision, poll: configuration, watermark } = data;
      await tx.upsert(PollRow, { sourceId, tenant, revision, configuration, watermark: new Date(watermark) }, [
        'sourceId',
      ]);
      await jobs.cancel([jobOf(sourceId, revision - 1)], tx);
      const payload = { sourceId, revision };
      await jobs.schedule([{ id: jobOf(sourceId, revision), kind: POLL_JOB, tenant, payload }], tx);
      return;
    }
    case 'PollAdvanced':
      await tx.update(PollRow, { sourceId }, { watermark: new Date(data.watermark) });
      return;
    case 'PollStopped':
    case 'SourceDisabled': {
      const row = await tx.findOneBy(PollRow, { sourceId });
      if (row === null) return;
      await tx.update(PollRow, { sourceId }, { configuration: () => 'null' });
      await jobs.cancel([jobOf(sourceId, row.revision)], tx);
      return;
    }
    case 'SourceRegistered':
    case 'SourceTokenRotated':
    case 'SourceConfigured':
      return;
    default: {
      const _: never = type;
    }
  }
}

/** Whose job it is, and by which revision. */
export function polledBy(payload: unknown): { readonly sourceId: string; readonly revision: number } {
  const { sourceId, revision } = isJsonObject(payload) ? payload : {};
  return { sourceId: String(sourceId), revision: Number(revision) };
}
