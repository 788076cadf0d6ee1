import type { Client } from 'pg';
import { CATEGORIES } from '#contracts/envelope';
import { asOwner, underMigrationLock } from './migrate-ledger';

export interface AdoptedLedger {
  /** What `ledger.tx_offset` was raised by; '0' when the transaction ids go on where the ledger ended. */
  readonly raisedBy: string;
}

/**
 * After a restore or a move to another server, transaction ids start low again, while the reading order and every
 * reader's cursor go by `tx` = `ledger.tx_offset` + transaction id. Raises the offset until new events come after all
 * that stand in the ledger. Never lowers it.
 *
 * @param client logged in as the owner; writers wait while it runs.
 */
export async function adoptLedger(client: Client): Promise<AdoptedLedger> {
  return underMigrationLock(client, () =>
    asOwner(client, async () => {
      await client.query('begin');
      try {
        await client.query('lock table ledger.events in share row exclusive mode');
        const { rows } = await client.query<{ offset: string; missing: string }>(
          `select ledger.tx_offset()::text as offset,
                  (greatest(0, coalesce(max(last.tx::text::bigint), 0) - ledger.current_tx()::text::bigint))::text as missing
             from unnest($1::text[]) as c(category)
             cross join lateral (
               select tx from ledger.events e where e.category = c.category order by e.category desc, e.tx desc, e.position desc limit 1
             ) as last`,
          [[...CATEGORIES]],
        );
        const { offset = '0', missing = '0' } = rows[0] ?? {};
        if (missing !== '0') {
          const raised = BigInt(offset) + BigInt(missing);
          await client.query(`create or replace function ledger.tx_offset() returns bigint
                                language sql stable parallel safe as 'select ${raised}::bigint'`);
        }
        await client.query('commit');
        return { raisedBy: missing };
      } catch (error) {
        await client.query('rollback');
        throw error;
      }
    }),
  );
}
