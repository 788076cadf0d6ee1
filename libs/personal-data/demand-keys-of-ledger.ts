import type { Pool } from 'pg';
import { DomainError } from '#libs/kernel';
import type { KeyRing } from './key-ring';

/** So many of the latest events of a category are looked at: most have something sealed in them. */
const LOOKED_AT = 20;
const CATEGORIES = ['alert', 'case', 'run', 'approval'] as const;

/**
 * Whether the keys are those that the ledger was sealed with: to go on with others would seal what comes with keys that
 * nobody keeps for this ledger, and stop every reader at what is there.
 * @throws DomainError('personal_key_missing')
 */
export async function demandKeysOfLedger(pool: Pool, ring: KeyRing): Promise<void> {
  const latest = CATEGORIES.map(
    (category) =>
      `(select data->>'enc' as enc from ledger.events where category = '${category}'
         order by tx desc, position desc limit ${LOOKED_AT})`,
  );
  const { rows } = await pool.query<{ enc: string }>(
    `select enc from (${latest.join(' union all ')}) as latest where enc like '1.%' limit 1`,
  );
  const [, sealedWith = ring.id] = rows[0]?.enc.split('.') ?? [];
  if (sealedWith === ring.id) return;
  throw new DomainError('personal_key_missing', {
    field: 'COUNTERSIGN_PERSONAL_KEYS_FILE',
    reason: `holds the keys ${ring.id}, and personal data in the ledger was sealed with ${sealedWith}: restore that file from where it was kept`,
  });
}
