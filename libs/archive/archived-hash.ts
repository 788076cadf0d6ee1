import type { Pool } from 'pg';
import type { ShelvedCategory } from '#contracts/envelope';

/** What a stream's archived part has ended with, by the registry: a later archive of the stream goes on from there. */
export function archivedHash(pool: Pool, category: ShelvedCategory) {
  return async (stream: string, version: number): Promise<string | undefined> => {
    const { rows } = await pool.query<{ hash: string }>({
      name: 'archived hash',
      text: `select encode(archived_hash, 'hex') as hash from ledger.streams
              where category = $1 and stream = $2 and archived_version = $3`,
      values: [category, stream, version],
    });
    return rows[0]?.hash;
  };
}
