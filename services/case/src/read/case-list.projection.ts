import { In, type EntityManager } from 'typeorm';
import { SEVERITIES, VERDICTS } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { RecordedEvent } from '#libs/event-store';
import type { JobQueue } from '#libs/jobs';
import type { Projection } from '#libs/read-model';
import { highestSeverity, severityRank } from '../domain/severity';
import { CaseAlertRow } from './case-alert.entity';
import { CaseSummaryRow } from './case-summary.entity';

/** The deadline of an escalation, as a job. */
export const ESCALATION_DEADLINE = 'escalation-deadline';
const MAX_SEARCH = 20_000;

type AlertData = Extract<CaseEvent, { type: 'CaseAlertUpdated' }>['data'];

/** Keeps the list of cases, and schedules the deadlines of escalations in the same transaction: no restart loses one. */
export class CaseListProjection implements Projection {
  readonly name = 'case-list';
  readonly categories = ['case'] as const;
  readonly entities = [CaseSummaryRow, CaseAlertRow];

  constructor(private readonly jobs: Pick<JobQueue, 'schedule' | 'cancel'>) {}

  async apply(events: readonly RecordedEvent[], tx: EntityManager): Promise<void> {
    const ids = [...new Set(events.map(({ stream }) => stream.slice('case-'.length)))];
    const rows = new Map((await tx.findBy(CaseSummaryRow, { caseId: In(ids) })).map((row) => [row.caseId, row]));
    const alerts = new Map<string, CaseAlertRow>();
    const toRecount = new Set<string>();
    for (const event of events) {
      // The ledger holds only what this service has written to the category, by its contract.
      const { type, data } = event as unknown as CaseEvent;
      if (type === 'CaseOpened' || type === 'AlertGrouped' || type === 'CaseAlertUpdated') {
        alerts.set(`${data.caseId} ${data.alertId}`, alertRow(event.tenant, data));
      }
      if (type === 'CaseAlertUpdated') toRecount.add(data.caseId);
      const row = rowAfter(event, rows.get(data.caseId));
      if (row) rows.set(data.caseId, row);
    }
    await tx.upsert(CaseAlertRow, [...alerts.values()], ['caseId', 'alertId']);
    await this.recount([...toRecount], rows, tx);
    await tx.upsert(CaseSummaryRow, [...rows.values()], ['caseId']);
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
      .where('alert.case_id in (:...caseIds)', { caseIds })
      .groupBy('alert.case_id')
      .getRawMany();
    for (const { caseId, severity, verdict, score } of highest) {
      const row = rows.get(caseId);
      if (!row) continue;
      if (row.severityBy === 'alerts') row.severity = SEVERITIES[severity] ?? row.severity;
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

function rowAfter(event: RecordedEvent, row: CaseSummaryRow | undefined): CaseSummaryRow | undefined {
  const { type, data } = event as unknown as CaseEvent;
  const at = new Date(event.time);
  if (type === 'CaseOpened') {
    return {
      caseId: data.caseId,
      tenant: event.tenant,
      title: data.title,
      status: 'new',
      resolution: null,
      severity: data.severity,
      severityBy: 'alerts',
      owner: null,
      rule: data.rule,
      verdict: data.verdict,
      score: data.score,
      alertCount: 1,
      openEscalations: 0,
      version: event.version,
      openedAt: at,
      updatedAt: at,
      search: searchText(data.title, data),
    };
  }
  if (!row) return undefined;
  return { ...row, ...changeOf({ type, data } as CaseEvent, row), version: event.version, updatedAt: at };
}

function changeOf(event: CaseEvent, row: CaseSummaryRow): Partial<CaseSummaryRow> {
  switch (event.type) {
    case 'CaseOpened':
      return {};
    case 'AlertGrouped':
      return { alertCount: row.alertCount + 1, ...raised(row, event.data) };
    case 'CaseAlertUpdated':
      return { search: searchText(row.search, event.data) };
    case 'CaseStatusChanged':
      return { status: event.data.to, resolution: event.data.resolution };
    case 'CaseSeverityChanged':
      return { severity: event.data.to, severityBy: 'person' };
    case 'CaseAssigned':
      return { owner: event.data.to };
    case 'CaseNoteAdded':
    case 'CaseEvidenceAdded':
      return {};
    case 'CaseEscalated':
      return { openEscalations: row.openEscalations + 1 };
    case 'EscalationAcknowledged':
    case 'EscalationExpired':
      return { openEscalations: row.openEscalations - 1 };
  }
}

function raised(row: CaseSummaryRow, data: AlertData): Partial<CaseSummaryRow> {
  const isWorse = VERDICTS.indexOf(data.verdict) > VERDICTS.indexOf(row.verdict);
  return {
    severity: row.severityBy === 'person' ? row.severity : highestSeverity(row.severity, data.alertSeverity),
    verdict: isWorse ? data.verdict : row.verdict,
    score: Math.max(row.score, data.score),
    search: searchText(row.search, data),
  };
}

function searchText(before: string, { alertTitle, source, observables }: AlertData): string {
  if (before.length >= MAX_SEARCH) return before;
  const lines = [...before.split('\n'), alertTitle, source, ...observables.map(({ value }) => value)];
  return [...new Set(lines.map((line) => line.replaceAll('\n', ' ').toLowerCase()))]
    .join('\n')
    .slice(0, MAX_SEARCH)
    .toWellFormed();
}

function alertRow(tenant: string, { caseId, alertId, alertSeverity, verdict, score }: AlertData): CaseAlertRow {
  return {
    tenant,
    caseId,
    alertId,
    severityRank: severityRank(alertSeverity),
    verdictRank: VERDICTS.indexOf(verdict),
    score,
  };
}
