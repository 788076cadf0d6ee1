import type { Client } from 'pg';
import type { RecordedEvent } from '../../libs/event-store';
import { SEVERITIES, VERDICTS } from '../../contracts/alert';
import type { CaseAlertRow } from '../../services/case/src/read/case-alert.entity';
import { alertAfter, summaryAfter } from '../../services/case/src/read/case-list-rows';
import type { CaseSummaryRow } from '../../services/case/src/read/case-summary.entity';
import { rawPages } from './raw-pages';

const BATCH = 500;

const SUMMARY = [
  ...['case_id uuid', 'tenant text', 'title text', 'status text', 'resolution text', 'severity text'],
  ...['severity_by text', 'owner text', 'rule text', 'verdict text', 'score int', 'alert_count int'],
  ...['open_escalations int', 'version int', 'opened_at timestamptz', 'updated_at timestamptz', 'search text'],
].map(column);
const ALERT = [
  ...['case_id uuid', 'alert_id uuid', 'tenant text', 'severity_rank int', 'verdict_rank int', 'score int'],
].map(column);

interface Column {
  readonly name: string;
  readonly type: string;
  /** Of the row's property. */
  readonly property: string;
}

function column(text: string): Column {
  const [name = '', type = ''] = text.split(' ');
  return { name, type, property: name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) };
}

function upsert(table: string, columns: readonly Column[], keys: number) {
  const names = columns.map(({ name }) => name);
  const set = names.slice(keys).map((name) => `${name} = excluded.${name}`);
  return {
    name: `upsert ${table}`,
    text: `insert into raw.${table} (${names.join(', ')})
           select * from unnest(${columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')})
           on conflict (${names.slice(0, keys).join(', ')}) do update set ${set.join(', ')}`,
  };
}
const UPSERT_SUMMARIES = upsert('case_summary', SUMMARY, 1);
const UPSERT_ALERTS = upsert('case_alert', ALERT, 2);
const SUMMARIES = {
  name: 'summaries',
  text: `select ${SUMMARY.map(({ name, property }) => `${name} as "${property}"`).join(', ')} from raw.case_summary
          where case_id = any($1::uuid[])`,
};
const HIGHEST = {
  name: 'highest',
  text: `select case_id as "caseId", max(severity_rank) as severity, max(verdict_rank) as verdict, max(score) as score
           from raw.case_alert where case_id = any($1::uuid[]) group by case_id`,
};

/**
 * The rows of the case list as plain pg keeps them: the twin's events in pages, the same rows computed, and each page
 * upserted in a transaction by prepared statements of arrays. How many events there were.
 */
export async function rebuildRawCaseList(client: Client): Promise<number> {
  let events = 0;
  await client.query('truncate raw.case_summary, raw.case_alert');
  for await (const page of rawPages(client, BATCH)) {
    await client.query('begin');
    await apply(client, page);
    await client.query('commit');
    events += page.length;
  }
  return events;
}

async function apply(client: Client, events: readonly RecordedEvent[]): Promise<void> {
  const ids = [...new Set(events.map(({ data }) => data['caseId']))];
  const known = await client.query<CaseSummaryRow>({ ...SUMMARIES, values: [ids] });
  const summaries = new Map(known.rows.map((row) => [row.caseId, row]));
  const alerts = new Map<string, CaseAlertRow>();
  const recounted = new Set<string>();
  for (const event of events) {
    const caseId = String(event.data['caseId']);
    const alert = alertAfter(event);
    if (alert) alerts.set(alert.alertId, alert);
    if (event.type === 'CaseAlertUpdated') recounted.add(caseId);
    const row = summaryAfter(event, summaries.get(caseId));
    if (row) summaries.set(caseId, row);
  }
  if (alerts.size > 0) await client.query({ ...UPSERT_ALERTS, values: arrays(ALERT, [...alerts.values()]) });
  if (recounted.size > 0) await recount(client, [...recounted], summaries);
  await client.query({ ...UPSERT_SUMMARIES, values: arrays(SUMMARY, [...summaries.values()]) });
}

async function recount(client: Client, ids: readonly string[], rows: Map<string, CaseSummaryRow>): Promise<void> {
  const highest = await client.query<{ caseId: string; severity: number; verdict: number; score: number }>({
    ...HIGHEST,
    values: [ids],
  });
  for (const { caseId, severity, verdict, score } of highest.rows) {
    const row = rows.get(caseId);
    if (!row) continue;
    if (row.severityBy === 'alerts') row.severity = SEVERITIES[severity] ?? row.severity;
    row.verdict = VERDICTS[verdict] ?? row.verdict;
    row.score = score;
  }
}

function arrays(columns: readonly Column[], rows: readonly object[]): unknown[][] {
  // Both kinds of rows have a property for each of their columns.
  const read = rows as readonly Record<string, unknown>[];
  return columns.map(({ property }) => read.map((row) => row[property]));
}
