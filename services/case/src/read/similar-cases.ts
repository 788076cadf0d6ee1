import { Any, type DataSource } from 'typeorm';
import type { Observable } from '#contracts/alert';
import type { SimilarCases } from '#contracts/http/case';
import { withTenant } from '#libs/read-model';
import { CaseDetailRow } from './case-detail.entity';
import { summariesOf, summaryOf } from './case-list';
import { CaseObservablesRow, SharedObservableRow } from './similar-cases.entity';
import { HOT_CASES, observableKey } from './similar-cases.projection';

const SHOWN_HOT = 20;

type Shared = SimilarCases['items'][number]['shared'][number];

/**
 * The cases that have observables in common with one, by how rare these are. However many cases and alerts there are, it
 * looks at the observables of this case (200) and at the cases of those that are not hot (50 each).
 */
export function similarCases(
  database: DataSource,
  tenant: string,
  caseId: string,
  limit: number,
): Promise<SimilarCases> {
  return withTenant(database, tenant, async (tx) => {
    const own = await tx.findOneBy(CaseObservablesRow, { caseId, tenant });
    const detail = await tx.findOneBy(CaseDetailRow, { caseId, tenant });
    const named = new Map((detail?.observables ?? []).map((one) => [observableKey(tenant, one), one]));
    const rows = own ? await tx.findBy(SharedObservableRow, { key: Any(own.keys), tenant }) : [];
    const telling = rows
      // What a warning list calls benign is no lead, and what the case no longer shows cannot be told.
      .flatMap((row) => {
        const observable = named.get(row.key);
        return observable && observable.verdict !== 'benign' && row.cases > 1 ? [{ row, observable }] : [];
      })
      .sort((a, b) => a.row.cases - b.row.cases);
    const isHot = ({ row }: (typeof telling)[number]) => row.cases > HOT_CASES;
    const found = new Map<string, { score: number; shared: Shared[] }>();
    for (const { row, observable } of telling.filter((one) => !isHot(one))) {
      for (const other of row.members) {
        if (other === caseId) continue;
        const { score, shared } = found.get(other) ?? { score: 0, shared: [] };
        found.set(other, { score: score + rarity(row.cases), shared: [...shared, sharedOf(observable, row)] });
      }
    }
    const best = [...found].sort(([a, one], [b, two]) => two.score - one.score || (a < b ? -1 : 1)).slice(0, limit);
    const summaries = await summariesOf(
      tx,
      best.map(([id]) => id),
    );
    return {
      items: summaries.flatMap((row) => {
        const match = found.get(row.caseId);
        return match ? [{ case: summaryOf(row), ...match, score: Math.round(match.score * 1000) / 1000 }] : [];
      }),
      hot: telling
        .filter(isHot)
        .slice(-SHOWN_HOT)
        .map(({ row, observable }) => sharedOf(observable, row)),
    };
  });
}

/** 1 for what two cases have alone, less for each further one. */
const rarity = (cases: number): number => 1 / Math.log2(cases);

const sharedOf = ({ type, value }: Observable, { cases }: SharedObservableRow): Shared => ({ type, value, cases });
