import type { SourceEvent } from '#contracts/events/source';
import { DEFAULT_SOURCE_SETTINGS } from '#contracts/source-settings';
import type { RecordedEvent } from '#libs/event-store';
import type { Projection } from '#libs/read-model';
import type { EntityManager } from 'typeorm';
import { SourceTokenRow } from './source-token.entity';
import { SourceRow } from './source.entity';

/** Sources and the hashes of their tokens. */
export const sourceProjection: Projection = {
  name: 'sources',
  categories: ['source'],
  entities: [SourceRow, SourceTokenRow],

  async apply(events, tx) {
    for (const event of events) await applyOne(event, tx);
  },
};

type Registration = Extract<SourceEvent, { type: 'SourceRegistered' }>;

/** A source as its registration leaves it. */
export function registeredSource({ tenant, time, actor, data }: RecordedEvent): SourceRow {
  const { sourceId, name, format } = data as unknown as Registration['data'];
  return {
    ...{ id: sourceId, tenant, name, format, status: 'active' },
    ...{ registeredAt: new Date(time), registeredBy: actor.id, tokenIssuedAt: new Date(time) },
    ...{ previousTokenValidUntil: null, disabledReason: null, settings: DEFAULT_SOURCE_SETTINGS },
  };
}

async function applyOne(recorded: RecordedEvent, tx: EntityManager): Promise<void> {
  const { tenant, time } = recorded;
  // The ledger holds only what the contract of the category allows.
  const event = { type: recorded.type, data: recorded.data } as unknown as SourceEvent;
  switch (event.type) {
    case 'SourceRegistered': {
      const { sourceId, tokenDigest } = event.data;
      await tx.insert(SourceRow, registeredSource(recorded));
      await tx.insert(SourceTokenRow, { digest: tokenDigest, tenant, sourceId });
      return;
    }
    case 'SourceTokenRotated': {
      const { sourceId, tokenDigest, previousValidUntil } = event.data;
      await tx.update(
        SourceRow,
        { id: sourceId },
        { tokenIssuedAt: time, previousTokenValidUntil: previousValidUntil },
      );
      // A shorter overlap ends the tokens of longer ones too: 0 is how a leaked token is stopped.
      await tx
        .createQueryBuilder()
        .update(SourceTokenRow)
        .set({ validUntil: () => 'least(coalesce(valid_until, :end::timestamptz), :end::timestamptz)' })
        .where({ sourceId })
        .setParameter('end', previousValidUntil)
        .execute();
      await tx.insert(SourceTokenRow, { digest: tokenDigest, tenant, sourceId });
      return;
    }
    case 'SourceConfigured':
      await tx.update(SourceRow, { id: event.data.sourceId }, { settings: event.data.settings });
      return;
    case 'SourceDisabled':
      await tx.update(
        SourceRow,
        { id: event.data.sourceId },
        { status: 'disabled', disabledReason: event.data.reason },
      );
      return;
    case 'PollConfigured':
    case 'PollAdvanced':
    case 'PollStopped':
      return;
    default: {
      const _: never = event;
    }
  }
}
