import { createHash } from 'node:crypto';
import { type DataSource, In } from 'typeorm';
import { DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { EvidenceContentRow } from '../read/evidence-content.entity';

/** Files of evidence by their digest, beside the ledger. */
export class EvidenceStore {
  constructor(private readonly database: DataSource) {}

  /** Durable when it resolves: only then is the event appended, so that no event names what is not there. */
  async keep(tenant: string, content: Buffer): Promise<{ digest: string; size: number }> {
    const digest = digestOf(content);
    await withTenant(this.database, tenant, (tx) =>
      tx
        .createQueryBuilder()
        .insert()
        .into(EvidenceContentRow)
        .values({ tenant, digest, content })
        .orIgnore()
        .execute(),
    );
    return { digest, size: content.length };
  }

  async drop(tenant: string, digests: readonly string[]): Promise<void> {
    await withTenant(this.database, tenant, (tx) =>
      tx.delete(EvidenceContentRow, { tenant, digest: In([...digests]) }),
    );
  }

  /** Throws DomainError('not_found'), or ('internal') when what is kept is no longer what the ledger names. */
  async fetch(tenant: string, digest: string): Promise<Buffer> {
    const row = await withTenant(this.database, tenant, (tx) => tx.findOneBy(EvidenceContentRow, { tenant, digest }));
    if (!row) throw new DomainError('not_found', `The content with SHA-256 ${digest} is not kept here.`);
    if (digestOf(row.content) !== digest) {
      throw new DomainError('internal', `What is kept under SHA-256 ${digest} has been changed.`);
    }
    return row.content;
  }
}

function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
