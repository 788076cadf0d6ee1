import type { DataSource } from 'typeorm';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import type { ServiceMetrics } from '#libs/service';

interface Waiting {
  readonly kind: string;
  readonly waiting: number;
  readonly oldestSeconds: number;
}

/** What waits for people, over all tenants. */
export function observeWaitingApprovals(metrics: ServiceMetrics, database: DataSource): void {
  const read = () =>
    withTenant(database, ALL_TENANTS, (tx) =>
      tx.query<Waiting[]>(
        `select kind, count(*)::int as waiting,
           extract(epoch from clock_timestamp() - min(opened_at))::float8 as "oldestSeconds"
         from svc_approval.approval where status = 'pending' group by kind`,
      ),
    );
  const of = (value: 'waiting' | 'oldestSeconds') => async () =>
    (await read()).map((row) => ({ labels: { kind: row.kind }, value: row[value] }));
  metrics.gauge('countersign_approvals_waiting', 'Approvals that wait for a person', ['kind'], of('waiting'));
  metrics.gauge(
    'countersign_approvals_waiting_seconds',
    'How long the oldest approval that waits for a person has been open',
    ['kind'],
    of('oldestSeconds'),
  );
}
