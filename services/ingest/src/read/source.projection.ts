import type { SourceEvent } from '#contracts/events/source';
import type { RecordedEvent } from '#libs/event-store';
import type { Projection } from '#libs/read-model';
import type { EntityManager } from 'typeorm';
import { SourceRow } from './source.entity';

/** Sources and the hashes of their tokens. */
export const sourceProjection: Projection = {
  name: 'sources',
  categories: ['source'],

  async apply(events, tx) {
    for (const event of events) await applyOne(event, tx);
  },

  async reset(tx) {
    await tx.query('truncate svc_ingest.source, svc_ingest.source_token');
  },
};

async function applyOne(recorded: RecordedEvent, tx: EntityManager): Promise<void> {
  const { tenant, time } = recorded;
  // The ledger holds only what the contract of the category allows.
  const event = { type: recorded.type, data: recorded.data } as unknown as SourceEvent;
  switch (event.type) {
    case 'SourceRegistered': {
      const { sourceId, name, format, tokenDigest } = event.data;
      await tx.insert(SourceRow, {
        id: sourceId,
        tenant,
        name,
        format,
        status: 'active',
        registeredAt: time,
        registeredBy: recorded.actor.id,
        tokenIssuedAt: time,
      });
      await addToken(tx, { tenant, sourceId, tokenDigest });
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
      await tx.query(
        `update svc_ingest.source_token set valid_until = least(coalesce(valid_until, $2::timestamptz), $2::timestamptz)
         where source_id = $1`,
        [sourceId, previousValidUntil],
      );
      await addToken(tx, { tenant, sourceId, tokenDigest });
      return;
    }
    case 'SourceDisabled':
      await tx.update(
        SourceRow,
        { id: event.data.sourceId },
        { status: 'disabled', disabledReason: event.data.reason },
      );
      return;
    default: {
      const _: never = event;
    }
  }
}

async function addToken(
  tx: EntityManager,
  token: { readonly tenant: string; readonly sourceId: string; readonly tokenDigest: string },
): Promise<void> {
  await tx.query(`insert into svc_ingest.source_token (digest, tenant, source_id) values ($1, $2, $3)`, [
    token.tokenDigest,
    token.tenant,
    token.sourceId,
  ]);
}
