import type { EntityManager } from 'typeorm';
import { SEVERITIES, VERDICTS } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { RecordedEvent } from '#libs/event-store';
import type { JobQueue } from '#libs/jobs';
import { findRows, type Projection, upsertRows } from '#libs/read-model';
import { highestSeverity } from '../domain/severity';
import { CaseAlertRow } from './case-alert.entity';
import { alertAfter, summaryAfter } from './case-list-rows';
import { CaseSummaryRow } from './case-summary.entity';

/** The deadline of an escalation, as a job. */
export const ESCALATION_DEADLINE = 'escalation-deadline';

/** Keeps the list of cases, and schedules the deadlines of escalations in the same transaction: no restart loses one. */
export class CaseListProjection implements Projection {
  readonly name = 'case-list';
  readonly categories = ['case'] as const;
  readonly entities = [CaseSummaryRow, CaseAlertRow];

  constructor(private readonly jobs: Pick<JobQueue, 'schedule' | 'cancel'>) {}

  async apply(events: readonly RecordedEvent[], tx: EntityManager): Promise<void> {
    const ids = events.map(({ stream }) => stream.slice('case-'.length));
    const rows = new Map((await findRows(tx, CaseSummaryRow, 'caseId', ids)).map((row) => [row.caseId, row]));
    const alerts = new Map<string, CaseAlertRow>();
    const toRecount = new Set<string>();
    for (const event of events) {
      // The ledger holds only what this service has written to the category, by its contract.
      const { type, data } = event as unknown as CaseEvent;
      const alert = alertAfter(event);
      if (alert) alerts.set(`${alert.caseId} ${alert.alertId}`, alert);
      if (type === 'CaseAlertUpdated') toRecount.add(data.caseId);
      const row = summaryAfter(event, rows.get(data.caseId));
      if (row) rows.set(data.caseId, row);
    }
    await upsertRows(tx, CaseAlertRow, [...alerts.values()]);
    await this.recount([...toRecount], rows, tx);
    await upsertRows(tx, CaseSummaryRow, [...rows.values()]);
    await this.keepDeadlines(events, tx);
  }

  /** An alert that was sent again can say less than before: then the highest of all has to be found anew. */
  private async recount(
    caseIds: readonly string[],
    rows: ReadonlyMap<string, CaseSummaryRow>,
    tx: EntityManager,
  ): Promise<void> {
    if (caseIds.length === 0) return;
    const highest: { caseId: string; severity: number; verdict: number; score: number }[] = await tx
      .createQueryBuilder(CaseAlertRow, 'alert')
      .select('alert.case_id', 'caseId')
      .addSelect('max(alert.severity_rank)', 'severity')
      .addSelect('max(alert.verdict_rank)', 'verdict')
      .addSelect('max(alert.score)', 'score')
      .where('alert.case_id = any(:caseIds)', { caseIds })
      .groupBy('alert.case_id')
      .getRawMany();
    for (const { caseId, severity, verdict, score } of highest) {
      const row = rows.get(caseId);
      if (!row) continue;
      if (row.severityBy === 'alerts') {
        row.severity = highestSeverity(SEVERITIES[severity] ?? row.severity, ...(row.raisedTo ? [row.raisedTo] : []));
      }
      row.verdict = VERDICTS[verdict] ?? row.verdict;
      row.score = score;
    }
  }

  private async keepDeadlines(events: readonly RecordedEvent[], tx: EntityManager): Promise<void> {
    const cases = events as unknown as readonly (RecordedEvent & CaseEvent)[];
    const due = cases.flatMap((event) => {
      if (event.type !== 'CaseEscalated') return [];
      const { caseId, escalationId, deadline } = event.data;
      const payload = { caseId, escalationId };
      return [{ id: escalationId, kind: ESCALATION_DEADLINE, tenant: event.tenant, payload, dueAt: deadline }];
    });
    await this.jobs.schedule(due, tx);
    const ended = cases.flatMap(({ type, data }) => (type === 'EscalationAcknowledged' ? [data.escalationId] : []));
    await this.jobs.cancel(ended, tx);
  }
}
