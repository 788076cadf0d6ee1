import { createHash } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import type { DataSource } from 'typeorm';

export interface KeptOriginal {
  /** The stream of the alert or of the refused receipt: `alert-<id>`. */
  readonly record: string;
  /** SHA-256 of `body`. */
  readonly digest: string;
  readonly body: Buffer;
}

/** Originals of alerts that are too large to travel on the bus and to stand in the ledger. The ledger holds their digests. */
export class Originals {
  constructor(private readonly database: DataSource) {}

  /** Durable when the promise resolves; keeping one again changes nothing. */
  async keep(tenant: string, originals: readonly KeptOriginal[]): Promise<void> {
    if (originals.length === 0) return;
    await withTenant(this.database, tenant, async (tx) => {
      for (const { record, digest, body } of originals) {
        await tx.query(
          `insert into svc_ingest.original (tenant, record, digest, body) values ($1, $2, $3, $4)
           on conflict (tenant, record, digest) do nothing`,
          [tenant, record, digest, body],
        );
      }
    });
  }

  async drop(tenant: string, records: readonly string[]): Promise<void> {
    await withTenant(this.database, tenant, (tx) =>
      tx.query('delete from svc_ingest.original where tenant = $1 and record = any($2)', [tenant, records]),
    );
  }

  /** @throws DomainError `not_found`; `internal` for bytes that are not those of their digest any more. */
  async read(tenant: string, record: string, digest: string): Promise<Buffer> {
    const [row] = await withTenant(this.database, tenant, (tx) =>
      tx.query<{ body: Buffer }[]>(
        'select body from svc_ingest.original where tenant = $1 and record = $2 and digest = $3',
        [tenant, record, digest],
      ),
    );
    if (row === undefined) {
      throw new DomainError('not_found', { field: 'digest', reason: `There is no such original of ${record} here.` });
    }
    if (createHash('sha256').update(row.body).digest('hex') === digest) return row.body;
    throw new DomainError('internal', `The original ${digest} of ${record} has been changed where it is kept.`);
  }
}
