import type { AuditReport } from '#contracts/audit';
import type { AccountCounts, IngestAccount } from '#contracts/http/ingest';
import type { ActionCounts } from '#contracts/http/connector';
import type { ApprovalCounts } from '#contracts/http/approval';
import type { DemoClients } from './clients';
import type { DemoTargets } from './demo-targets';
import type { Observer } from './observer';
import { TARGET_NAMES, type TargetName } from './targets/target-systems';

/** What `--json` prints: from the services' own APIs, and `targets` from the outside systems themselves. */
export interface DemoResult {
  readonly alerts: AccountCounts;
  readonly cases: number;
  readonly runs: { readonly completed: number; readonly failed: number; readonly waiting: number };
  readonly approvals: { readonly granted: number; readonly denied: number };
  readonly actions: {
    readonly succeeded: number;
    readonly failed: number;
    readonly blocked: number;
    readonly unknown: number;
  };
  readonly targets: Readonly<Record<TargetName, number>>;
  readonly audit: { readonly events: number; readonly verified: boolean };
}

export async function collectResult(
  clients: DemoClients,
  observer: Observer,
  targets: DemoTargets,
  audit: AuditReport,
): Promise<DemoResult> {
  const importer = await clients.as('importer');
  const { total } = await importer.get<IngestAccount>('/v1/ingest/account');
  const runs = await observer.allRuns();
  const runsWith = (...statuses: string[]) => runs.filter((run) => statuses.includes(run.status)).length;
  const { counts } = await importer.get<{ counts: ActionCounts }>('/v1/actions');
  const approvals = await importer.get<ApprovalCounts>('/v1/approvals/counts', { kind: 'action' });
  return {
    alerts: total,
    cases: (await observer.allCases()).length,
    runs: { completed: runsWith('completed'), failed: runsWith('failed'), waiting: runsWith('running', 'waiting') },
    approvals: { granted: approvals.granted, denied: approvals.denied },
    actions: {
      succeeded: counts.succeeded,
      failed: counts.failed,
      blocked: approvals.denied + approvals.expired + approvals.rejected + counts.refused,
      unknown: counts.outcome_unknown,
    },
    targets: await recordedCalls(targets),
    audit: { events: audit.events, verified: audit.verified },
  };
}

/** Signs a checkpoint now, so that it covers what has just happened, and walks the whole ledger. */
export async function checkLedger(clients: DemoClients): Promise<AuditReport> {
  const auditor = await clients.as('auditor');
  await auditor.post('/v1/audit/checkpoints');
  return auditor.get<AuditReport>('/v1/audit/verify');
}

async function recordedCalls(targets: DemoTargets): Promise<Record<TargetName, number>> {
  const counts = { firewall: 0, identity: 0, ticketing: 0, chat: 0, intel: 0 };
  for (const name of TARGET_NAMES) {
    const response = await fetch(`${targets.urls[name]}/_record`);
    const { effects } = (await response.json()) as { effects: number };
    counts[name] = effects;
  }
  return counts;
}
