import { VERDICTS } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { RecordedEvent } from '#libs/event-store';
import { highestSeverity, severityRank } from '../domain/severity';
import type { CaseAlertRow } from './case-alert.entity';
import type { CaseSummaryRow } from './case-summary.entity';

const MAX_SEARCH = 20_000;

type AlertData = Extract<CaseEvent, { type: 'CaseAlertUpdated' }>['data'];

/** What an event says of an alert of its case; undefined for one that says nothing. */
export function alertAfter(event: RecordedEvent): CaseAlertRow | undefined {
  const { type, data } = event as unknown as CaseEvent;
  if (type !== 'CaseOpened' && type !== 'AlertGrouped' && type !== 'CaseAlertUpdated') return undefined;
  return {
    tenant: event.tenant,
    caseId: data.caseId,
    alertId: data.alertId,
    severityRank: severityRank(data.alertSeverity),
    verdictRank: VERDICTS.indexOf(data.verdict),
    score: data.score,
  };
}

/** The row of a case after one more event of it; undefined for an event of a case that was never opened. */
export function summaryAfter(event: RecordedEvent, row: CaseSummaryRow | undefined): CaseSummaryRow | undefined {
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
      suppressedAlerts: 0,
      lastSuppressedAt: null,
      raisedTo: null,
      openEscalations: 0,
      version: event.version,
      openedAt: at,
      updatedAt: at,
      search: searchText(data.title.toLowerCase(), data),
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
    case 'AlertsSuppressed': {
      const { count, until } = event.data;
      return { suppressedAlerts: row.suppressedAlerts + count, lastSuppressedAt: new Date(until) };
    }
    case 'CaseSeverityChanged': {
      const { to, rule } = event.data;
      return rule === null ? { severity: to, severityBy: 'person' } : { severity: to, raisedTo: to };
    }
    case 'CaseAssigned':
      return { owner: event.data.to };
    case 'CaseLinked':
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

/** @param before what an event before it has led to, or a text in lower case. */
function searchText(before: string, { alertTitle, source, observables }: AlertData): string {
  if (before.length >= MAX_SEARCH) return before;
  const lines = new Set(before.split('\n'));
  const known = lines.size;
  for (const line of [alertTitle, source, ...observables.map(({ value }) => value)]) {
    lines.add(line.replaceAll('\n', ' ').toLowerCase());
  }
  return lines.size === known ? before : [...lines].join('\n').slice(0, MAX_SEARCH).toWellFormed();
}
