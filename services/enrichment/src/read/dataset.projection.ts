import type { DatasetEvent } from '#contracts/events/dataset';
import type { RecordedEvent } from '#libs/event-store';
import type { Projection } from '#libs/read-model';
import type { EntityManager } from 'typeorm';
import { DatasetRow } from './dataset.entity';

/** The files of the folder of data sets that are there now. */
export const datasetProjection: Projection = {
  name: 'datasets',
  categories: ['dataset'],
  entities: [DatasetRow],

  async apply(events, tx) {
    for (const event of events) await applyOne(event, tx);
  },
};

async function applyOne(recorded: RecordedEvent, tx: EntityManager): Promise<void> {
  const { tenant, time } = recorded;
  // The ledger holds only what the contract of the category allows.
  const event = { type: recorded.type, data: recorded.data } as unknown as DatasetEvent;
  const { datasetId: id, name } = event.data;
  const row = { id, tenant, name, changedAt: time };
  switch (event.type) {
    case 'DatasetLoaded': {
      const { kind, digest, entries } = event.data;
      await tx.upsert(DatasetRow, { ...row, status: 'loaded', kind, digest, entries, reason: null }, ['id']);
      return;
    }
    case 'DatasetRefused': {
      // An earlier version that stays in use is still told of by kind, digest and entries.
      const { reason } = event.data;
      const known = await tx.findOneBy(DatasetRow, { id });
      const { kind = null, digest = null, entries = 0 } = known ?? {};
      await tx.upsert(DatasetRow, { ...row, status: 'refused', kind, digest, entries, reason }, ['id']);
      return;
    }
    case 'DatasetRemoved':
      await tx.delete(DatasetRow, { id });
      return;
    default: {
      const _: never = event;
    }
  }
}
