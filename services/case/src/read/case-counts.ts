import type { DataSource } from 'typeorm';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import type { Measured, ServiceMetrics } from '#libs/service';

/** A million cases take a moment to count: whoever asks more often gets the same answer. */
const COUNTED_EVERY_MS = 60_000;

/** How many cases there are, over all tenants. */
export function observeCases(metrics: ServiceMetrics, database: DataSource): void {
  let counted: { readonly at: number; readonly measured: readonly Measured[] } | undefined;
  metrics.gauge('countersign_cases', 'Cases by their status, counted once a minute', ['status'], async () => {
    const now = performance.now();
    if (counted !== undefined && now - counted.at < COUNTED_EVERY_MS) return counted.measured;
    const rows = await withTenant(database, ALL_TENANTS, (tx) =>
      tx.query<{ status: string; cases: number }[]>(
        'select status, count(*)::int as cases from svc_case.case_summary group by status',
      ),
    );
    counted = { at: now, measured: rows.map(({ status, cases }) => ({ labels: { status }, value: cases })) };
    return counted.measured;
  });
}
