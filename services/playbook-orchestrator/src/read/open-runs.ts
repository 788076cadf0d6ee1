import type { DataSource } from 'typeorm';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import type { ServiceMetrics } from '#libs/service';

interface OpenRuns {
  readonly status: string;
  readonly runs: number;
  /** Above 0 when a deadline has passed and nobody has acted on it (invariant 6). */
  readonly overdueSeconds: number;
}

/** What runs and waits, over all tenants. */
export function observeOpenRuns(metrics: ServiceMetrics, database: DataSource): void {
  const read = () =>
    withTenant(database, ALL_TENANTS, (tx) =>
      tx.query<OpenRuns[]>(
        `select status, count(*)::int as runs,
           greatest(extract(epoch from clock_timestamp() - min(deadline)), 0)::float8 as "overdueSeconds"
         from svc_playbook_orchestrator.run where ended_at is null group by status`,
      ),
    );
  const of = (value: 'runs' | 'overdueSeconds') => async () =>
    (await read()).map((row) => ({ labels: { status: row.status }, value: row[value] }));
  metrics.gauge('countersign_runs_open', 'Runs without an end', ['status'], of('runs'));
  metrics.gauge(
    'countersign_runs_overdue_seconds',
    'How long the deadline of a run without an end has passed',
    ['status'],
    of('overdueSeconds'),
  );
}
