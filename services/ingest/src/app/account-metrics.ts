import type { ServiceMetrics } from '#libs/service';
import { BacklogAge } from '#libs/telemetry';
import type { Account, SourceBacklog } from '../read/account';

/** Sources that are shown by name: those with most pending. All others together are `other`. */
const MOST_SOURCES = 100;

/** What the account says, over all tenants (invariant 3). */
export function observeAccount(metrics: ServiceMetrics, account: Account): void {
  const ages = new BacklogAge();
  const bySource = (of: (backlog: SourceBacklog) => number) => async () =>
    (await account.backlogs(MOST_SOURCES)).map((backlog) => ({
      labels: { source: backlog.source },
      value: of(backlog),
    }));
  metrics.gauge(
    'countersign_ingest_pending_receipts',
    'Receipts without an outcome yet',
    ['source'],
    bySource(({ pending }) => pending),
  );
  metrics.gauge(
    'countersign_ingest_pending_seconds',
    'How long the oldest receipt without an outcome has waited, as far as this process has seen it',
    ['source'],
    bySource(({ source, received, pending }) => ages.seconds(source, received, received - pending)),
  );
  metrics.total('countersign_ingest_receipts_total', 'Receipts by their outcome', ['outcome'], async () =>
    Object.entries(await account.totals()).map(([outcome, value]) => ({ labels: { outcome }, value })),
  );
}
