import type { DataSource } from 'typeorm';
import type { CaseListQuery, CaseSummary } from '#contracts/http/case';
import { DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { CaseSummaryRow } from './case-summary.entity';
import { fromCursor, toCursor } from './page-cursor';

/** The cases of a tenant, last updated first. Throws DomainError('invalid_cursor'). */
export async function listCases(
  database: DataSource,
  tenant: string,
  { limit = 50, cursor, status, severity, owner, q, since }: CaseListQuery,
): Promise<{ items: CaseSummary[]; next?: string }> {
  const after = fromCursor(cursor, ['string', 'string']);
  if (after && (Number.isNaN(Date.parse(after[0])) || !/^[0-9a-f-]{36}$/.test(after[1]))) {
    throw new DomainError('invalid_cursor', { field: 'cursor', reason: 'is not one that this list has given' });
  }
  const rows = await withTenant(database, tenant, (tx) => {
    const query = tx.createQueryBuilder(CaseSummaryRow, 'summary').where('summary.tenant = :tenant', { tenant });
    if (status?.length) query.andWhere('summary.status in (:...status)', { status });
    if (severity?.length) query.andWhere('summary.severity in (:...severity)', { severity });
    if (owner === 'none') query.andWhere('summary.owner is null');
    else if (owner !== undefined) query.andWhere('summary.owner = :owner', { owner });
    if (q !== undefined) query.andWhere('strpos(summary.search, :q) > 0', { q: q.toLowerCase() });
    if (since !== undefined) query.andWhere('summary.updated_at >= :since', { since });
    if (after) {
      query.andWhere('(summary.updated_at, summary.case_id) < (:time::timestamptz, :id::uuid)', {
        time: after[0],
        id: after[1],
      });
    }
    return query
      .orderBy('summary.updatedAt', 'DESC')
      .addOrderBy('summary.caseId', 'DESC')
      .limit(limit + 1)
      .getMany();
  });
  const items = rows.slice(0, limit).map(summaryOf);
  const last = items.at(-1);
  return { items, ...(rows.length > limit && last && { next: toCursor([last.updatedAt, last.caseId]) }) };
}

export function summaryOf({
  tenant: _,
  search: __,
  severityBy: ___,
  openedAt,
  updatedAt,
  ...row
}: CaseSummaryRow): CaseSummary {
  return { ...row, openedAt: openedAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
