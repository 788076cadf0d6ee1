import type { Client } from 'pg';

const CASES_A_STATEMENT = 100_000;

/**
 * So many cases of two alerts each, in the ledger and in the read models as their projections write them, by SQL. One of
 * twenty is new, four of five are closed, one of a hundred is critical; twenty analysts own nine of ten. The hashes chain nothing.
 */
export async function populate(client: Client, cases: number): Promise<void> {
  await client.query('set synchronous_commit = off');
  for (let first = 0; first < cases; first += CASES_A_STATEMENT) {
    const last = Math.min(first + CASES_A_STATEMENT, cases) - 1;
    for (const sql of [SUMMARIES, DETAILS, ALERTS, EVENTS]) await client.query(sql, [first, last]);
    process.stderr.write(`${last + 1} cases\n`);
  }
  // As if the read models had followed the ledger so far.
  await client.query(`
    insert into svc_case.projection_checkpoint (projection, cursor, tx, position)
      select projection, tx::text || '.' || position, tx::text::numeric, position
        from unnest(array['case-list', 'case-detail']) as projection,
             (select tx, position from ledger.events_case order by tx desc, position desc limit 1) as last`);
  await client.query('set synchronous_commit = on');
  for (const table of ['case_summary', 'case_detail', 'case_detail_alert']) {
    await client.query(`vacuum analyze svc_case.${table}`);
  }
  await client.query('vacuum analyze ledger.events_case');
  await client.query('checkpoint');
}

/** The id of the case with that number, in SQL and for whoever opens one. */
const CASE_ID = 'md5(n::text)::uuid';
export const caseIdSql = `select ${CASE_ID}::text as id from unnest($1::integer[]) as n`;

const OBSERVABLES = `jsonb_build_array(
  jsonb_build_object('type_id', 2, 'type', 'ip', 'value', '203.0.113.' || n % 250, 'name', 'evidences[0].dst_endpoint.ip',
    'verdict', 'malicious', 'score', 80, 'lists', jsonb_build_array('office addresses')),
  jsonb_build_object('type_id', 1, 'type', 'hostname', 'value', 'ws-' || n || '.corp.example', 'name', 'device.hostname',
    'verdict', 'unknown', 'score', 0, 'lists', jsonb_build_array()))`;

const SUMMARIES = `
  insert into svc_case.case_summary (case_id, tenant, title, status, resolution, severity, severity_by, owner, rule, verdict,
      score, alert_count, open_escalations, version, opened_at, updated_at, search)
  select ${CASE_ID}, 'default', 'Beacon from WS-' || n || ' to a listed address', s.status,
         case when s.status in ('resolved', 'closed') then 'true_positive' end,
         case when n % 100 = 7 then 'critical' else (array['high', 'medium', 'low', 'informational'])[n % 4 + 1] end, 'alerts',
         case when n % 10 <> 3 then 'analyst-' || n % 20 end, 'same-host', 'malicious', 80, 2, 0, 2,
         timestamptz '2026-11-24T09:30:00Z' - n * interval '20 seconds',
         timestamptz '2026-11-24T09:31:00Z' - n * interval '20 seconds',
         'beacon from ws-' || n || E' to a listed address\\nsiem\\n203.0.113.' || n % 250 || E'\\nws-' || n || '.corp.example'
    from generate_series($1::integer, $2::integer) as n
   cross join lateral (select case hashint4(n) & 31 when 0 then 'new' when 1 then 'in_progress' when 2 then 'on_hold'
     when 3 then 'resolved' when 4 then 'resolved' when 5 then 'resolved' else 'closed' end as status) s`;

const DETAILS = `
  insert into svc_case.case_detail (case_id, tenant, observables, attack)
  select ${CASE_ID}, 'default', ${OBSERVABLES}, '["T1071.001", "TA0011"]'
    from generate_series($1::integer, $2::integer) as n`;

const ALERT_ID = `md5(nth || ' alert ' || n)::uuid`;
const SOURCE = '01a20ea0-0000-7000-8000-000000000001';

const ALERTS = `
  insert into svc_case.case_detail_alert (case_id, alert_id, tenant, place, content)
  select ${CASE_ID}, ${ALERT_ID}, 'default', nth,
         jsonb_build_object('alertId', ${ALERT_ID}, 'sourceId', '${SOURCE}', 'source', 'siem', 'title', 'Connection of WS-' || n,
           'time', '2026-11-24T09:30:00.000Z', 'severity', 'high', 'verdict', 'malicious', 'score', 80)
    from generate_series($1::integer, $2::integer) as n, generate_series(1, 2) as nth`;

const EVENTS = `
  insert into ledger.events_case (category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash)
  select 'case', 'case-' || ${CASE_ID}, nth, ${ALERT_ID}, (array['CaseOpened', 'AlertGrouped'])[nth], 1, 'default',
         timestamptz '2026-11-24T09:29:00Z' + nth * interval '1 minute' - n * interval '20 seconds',
         '{"kind": "service", "id": "case"}',
         jsonb_build_object('caseId', ${CASE_ID}, 'alertId', ${ALERT_ID}, 'sourceId', '${SOURCE}', 'source', 'siem',
             'alertTitle', 'Connection of WS-' || n, 'alertTime', '2026-11-24T09:30:00.000Z', 'alertSeverity', 'high',
             'observables', ${OBSERVABLES}, 'attack', '["T1071.001", "TA0011"]'::jsonb, 'verdict', 'malicious', 'score', 80,
             'rule', 'same-host')
           || case when nth = 1
                then jsonb_build_object('title', 'Beacon from WS-' || n || ' to a listed address', 'severity', 'high')
                else '{}' end,
         jsonb_build_object('correlationId', ${CASE_ID}), sha256(convert_to(nth || ' ' || n, 'utf8'))
    from generate_series(1, 2) as nth, generate_series($1::integer, $2::integer) as n`;
