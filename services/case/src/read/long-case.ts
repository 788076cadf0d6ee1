import type { DataSource, EntityManager } from 'typeorm';
import type { CaseView } from '#contracts/http/case';
import { withTenant } from '#libs/read-model';
import { type AlertOfCase, type Entry, SHOWN, worstFirst } from './case-content';
import { CaseDetailAlertRow, CaseDetailRow, CaseEntryRow } from './case-detail.entity';
import { entryIn } from './case-detail.projection';
import { summaryOf } from './case-list';
import { CaseSummaryRow } from './case-summary.entity';
import { listsOf } from './case-view';
import { demandVersion, fromCursor, toCursor } from './page-cursor';

const KINDS: readonly Entry['kind'][] = ['note', 'evidence', 'escalation'];

/** A case as its read models have it: what `caseView` says of all its events. Undefined when the tenant has none. */
export function longCase(database: DataSource, tenant: string, caseId: string): Promise<CaseView | undefined> {
  return withTenant(database, tenant, async (tx) => {
    const summary = await tx.findOneBy(CaseSummaryRow, { caseId, tenant });
    const detail = await tx.findOneBy(CaseDetailRow, { caseId, tenant });
    if (!summary || !detail) return undefined;
    const alerts = await latestAlerts(tx, { caseId, tenant }, SHOWN);
    const entries: CaseEntryRow[] = [];
    for (const kind of KINDS) {
      const order = { place: 'DESC' } as const;
      entries.unshift(...(await tx.find(CaseEntryRow, { where: { caseId, tenant, kind }, order, take: SHOWN })));
    }
    return {
      ...summaryOf(summary),
      severityBy: summary.severityBy,
      attack: detail.attack,
      links: detail.links,
      alerts: alerts.map(({ content }) => content).reverse(),
      observables: worstFirst(detail.observables),
      ...listsOf(entries.reverse().map(entryIn)),
    };
  });
}

/** A page of the alerts of a case, the latest first. Throws DomainError('invalid_cursor'). */
export async function alertsPage(
  database: DataSource,
  tenant: string,
  caseId: string,
  { limit = 50, cursor }: { limit?: number; cursor?: string },
): Promise<{ items: AlertOfCase[]; next?: string }> {
  const [before] = fromCursor(cursor, ['number'])?.map(demandVersion) ?? [];
  const rows = await withTenant(database, tenant, (tx) => latestAlerts(tx, { caseId, tenant }, limit + 1, before));
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(({ content }) => content),
    ...(rows.length > limit && last && { next: toCursor([last.place]) }),
  };
}

function latestAlerts(
  tx: EntityManager,
  of: { readonly caseId: string; readonly tenant: string },
  limit: number,
  before?: number,
): Promise<CaseDetailAlertRow[]> {
  const query = tx
    .createQueryBuilder(CaseDetailAlertRow, 'alert')
    .where('alert.case_id = :caseId and alert.tenant = :tenant', of);
  if (before !== undefined) query.andWhere('alert.place < :before', { before });
  return query.orderBy('alert.place', 'DESC').limit(limit).getMany();
}
