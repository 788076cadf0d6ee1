import {
  APPROVAL_STATUSES,
  type ApprovalCounts,
  type ApprovalQuery,
  type ApprovalSummary,
} from '#contracts/http/approval';
import { DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { In, type DataSource } from 'typeorm';
import { ApprovalRow } from './approval.entity';
import type { ApprovalRecord } from './approval-record';

/** What was put to people; the rest was answered by policy alone. */
const PUT_TO_PEOPLE = APPROVAL_STATUSES.filter((status) => status !== 'allowed' && status !== 'rejected');

/** The list of approvals of one tenant, newest first. */
export class ApprovalList {
  constructor(private readonly database: DataSource) {}

  /** @throws DomainError('invalid_cursor') */
  async page(tenant: string, query: ApprovalQuery): Promise<{ items: ApprovalSummary[]; next?: string }> {
    const { status, kind, case: caseId, limit = 50, cursor } = query;
    const after = cursor === undefined ? undefined : keyOf(cursor);
    const rows = await withTenant(this.database, tenant, (tx) => {
      const select = tx
        .createQueryBuilder(ApprovalRow, 'a')
        .where({ tenant, status: In(status === undefined ? PUT_TO_PEOPLE : [status]) })
        .orderBy('a.openedAt', 'DESC')
        .addOrderBy('a.id', 'DESC')
        .limit(limit + 1);
      if (kind !== undefined) select.andWhere({ kind });
      if (caseId !== undefined) select.andWhere({ caseId });
      if (after !== undefined) select.andWhere('(a.openedAt, a.id) < (:openedAt, :id)', after);
      return select.getMany();
    });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const items = shown.map(({ record }) => summaryOf(record));
    return rows.length > limit && last !== undefined ? { items, next: cursorAfter(last) } : { items };
  }

  async counts(tenant: string, kind: ApprovalQuery['kind']): Promise<ApprovalCounts> {
    const rows: { status: keyof ApprovalCounts; count: number }[] = await withTenant(this.database, tenant, (tx) =>
      tx.query(
        `select status, count(*)::int as count from svc_approval.approval
         where tenant = $1 and ($2::text is null or kind = $2) group by status`,
        [tenant, kind ?? null],
      ),
    );
    const counts: ApprovalCounts = { pending: 0, granted: 0, denied: 0, expired: 0, allowed: 0, rejected: 0 };
    for (const { status, count } of rows) counts[status] = count;
    return counts;
  }
}

function summaryOf(record: ApprovalRecord): ApprovalSummary {
  const { request: _r, playbook: _p, excluded: _e, policyVersion: _v, warrantExpiresAt: _w, ...summary } = record;
  return summary;
}

const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

const cursorAfter = ({ openedAt, id }: ApprovalRow): string =>
  Buffer.from(`${openedAt.toISOString()} ${id}`, 'utf8').toString('base64url');

function keyOf(cursor: string): { openedAt: string; id: string } {
  const [, openedAt, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (openedAt === undefined || id === undefined) {
    throw new DomainError('invalid_cursor', { field: 'cursor', reason: 'is not one that this list has given' });
  }
  return { openedAt, id };
}
