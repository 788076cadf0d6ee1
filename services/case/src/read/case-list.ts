import { Any, type DataSource, type EntityManager } from 'typeorm';
import { SEVERITIES } from '#contracts/alert';
import { CASE_STATUSES } from '#contracts/events/case';
import type { CaseListQuery, CaseSummary } from '#contracts/http/case';
import { withTenant } from '#libs/read-model';
import { CaseSummaryRow } from './case-summary.entity';
import { fromCursor, invalidCursor, toCursor } from './page-cursor';

/** The cases of a tenant, last updated first. Throws DomainError('invalid_cursor'). */
export async function listCases(
  database: DataSource,
  tenant: string,
  { limit = 50, ...query }: CaseListQuery,
): Promise<{ items: CaseSummary[]; next?: string }> {
  const { text, values } = pageOfIds(tenant, query, limit + 1);
  const rows = await withTenant(database, tenant, async (tx) => {
    const found: { caseId: string }[] = await tx.query(text, values);
    return summariesOf(
      tx,
      found.map(({ caseId }) => caseId),
    );
  });
  const items = rows.slice(0, limit).map(summaryOf);
  const last = items.at(-1);
  return { items, ...(rows.length > limit && last && { next: toCursor([last.updatedAt, last.caseId]) }) };
}

/**
 * The ids of a page. Filtered by status, severity or owner, it is put together from the first of each status and severity:
 * an index has each of these in the order of the list, but not those of several of them. So a page costs the same however
 * many cases there are, and however few of them are wanted.
 */
function pageOfIds(tenant: string, query: Omit<CaseListQuery, 'limit'>, limit: number) {
  const { cursor, status, severity, owner, q, since } = query;
  const values: unknown[] = [tenant];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const conditions = ['tenant = $1'];
  const after = keyOf(cursor);
  if (owner === 'none') conditions.push('owner is null');
  else if (owner !== undefined) conditions.push(`owner = ${value(owner)}`);
  if (since !== undefined) conditions.push(`updated_at >= ${value(since)}`);
  if (after) conditions.push(`(updated_at, case_id) < (${value(after[0])}::timestamptz, ${value(after[1])}::uuid)`);
  if (q !== undefined) conditions.push(`strpos(search, ${value(q.toLowerCase())}) > 0`);
  const order = `order by updated_at desc, case_id desc limit ${value(limit)}`;
  const page = (more: readonly string[]) =>
    `select case_id, updated_at from svc_case.case_summary where ${[...conditions, ...more].join(' and ')} ${order}`;
  const isWhole = !status?.length && !severity?.length && owner === undefined;
  const source = isWhole
    ? page([])
    : `select p.* from unnest(${value(chosen(status, CASE_STATUSES))}::text[]) as a (status)
         cross join unnest(${value(chosen(severity, SEVERITIES))}::text[]) as b (severity)
         cross join lateral (${page(['status = a.status', 'severity = b.severity'])}) p`;
  return { text: `select case_id as "caseId" from (${source}) as listed ${order}`, values };
}

/** Each once, all of them where none is given. */
function chosen(given: readonly string[] = [], all: readonly string[]): string[] {
  return [...new Set(given.length > 0 ? given : all)];
}

function keyOf(cursor: string | undefined): readonly [string, string] | undefined {
  const after = fromCursor(cursor, ['string', 'string']);
  if (after && (Number.isNaN(Date.parse(after[0])) || !/^[0-9a-f-]{36}$/.test(after[1]))) {
    throw invalidCursor();
  }
  return after;
}

/** In their order. What `q` looks into can be long, and is not shown. */
export async function summariesOf(tx: EntityManager, caseIds: readonly string[]): Promise<CaseSummaryRow[]> {
  const { propertiesMap } = tx.connection.getMetadata(CaseSummaryRow);
  const select = Object.fromEntries(Object.keys(propertiesMap).map((name) => [name, name !== 'search']));
  const rows = await tx.find(CaseSummaryRow, { select, where: { caseId: Any([...caseIds]) } });
  const byId = new Map(rows.map((row) => [row.caseId, row]));
  return caseIds.flatMap((caseId) => byId.get(caseId) ?? []);
}

export function summaryOf({
  tenant: _,
  search: __,
  severityBy: ___,
  raisedTo: ____,
  lastSuppressedAt,
  openedAt,
  updatedAt,
  ...row
}: CaseSummaryRow): CaseSummary {
  return {
    ...row,
    lastSuppressedAt: lastSuppressedAt?.toISOString() ?? null,
    openedAt: openedAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
