import type { AuditReport } from '#contracts/audit';
import { DemoClients } from '../../services/demo/src/clients';
import { Effects } from './effects';
import { Ledger } from './ledger';
import type { Acknowledged } from './siem';
import type { Site } from './site';
import { STEP_TIMEOUT_MS } from './stage-files';

/** What does not balance, a line each; empty when all does. */
export type Imbalance = readonly string[];

/** By how much a deadline may be missed: the longest that a service is away, killed and paused one after the other. */
const TOLERANCE_SECONDS = 60;
const FEW = 5;

/** The outcome that stands in the ledger for each receipt, in the words of the account. */
const OUTCOMES = `select data->>'receiptId' as receipt, data->>'alertId' as alert, case type
    when 'AlertRecorded' then data->>'outcome' when 'AlertUpdated' then 'updated'
    when 'AlertDuplicated' then 'duplicate' else 'rejected' end as outcome
  from ledger.events where category = 'alert'`;

/** Each of them names rows that may not be there. `$1` is the ids of the receipts that were acknowledged. */
const CHECKS: readonly { readonly what: string; readonly text: string; readonly acknowledged?: true }[] = [
  {
    what: 'acknowledged receptions without an outcome in the ledger',
    text: `select receipt from unnest($1::text[]) as given(receipt)
           except select receipt from (${OUTCOMES}) decided`,
    acknowledged: true,
  },
  {
    what: 'receptions with more than one outcome',
    text: `select receipt, array_agg(outcome) as outcomes from (${OUTCOMES}) decided group by receipt having count(*) > 1`,
  },
  {
    what: 'alerts that were recorded as new more than once',
    text: `select alert, count(*) from (${OUTCOMES}) decided where outcome in ('new', 'grouped', 'suppressed')
           group by alert having count(*) > 1`,
  },
  {
    what: 'receipts whose outcome in the account is not the one in the ledger',
    text: `select coalesce(receipt.receipt_id::text, decided.receipt) as receipt, receipt.outcome as account, decided.outcome as ledger
           from svc_ingest.receipt full join (${OUTCOMES}) decided on receipt.receipt_id::text = decided.receipt
           where receipt.outcome is distinct from decided.outcome`,
  },
  {
    what: 'sources whose sums are not those of their receipts',
    text: `select account.source, account.received, count(receipt.receipt_id) as receipts, account.pending
           from svc_ingest.account left join svc_ingest.receipt using (tenant, source_id)
           group by account.source, account.received, account.pending, account.new, account.updated, account.duplicate,
             account.grouped, account.suppressed, account.rejected
           having account.pending <> 0 or account.received <> count(receipt.receipt_id)
             or account.received <> account.new + account.updated + account.duplicate + account.grouped
               + account.suppressed + account.rejected + account.pending`,
  },
  {
    what: 'dead letters that nobody has put there',
    text: `select consumer_group, topic, code, left(reason, 200) as reason from bus.dead_letter where status = 'open'`,
  },
  { what: 'parked messages', text: 'select consumer_group, topic, key, attempts, reason from bus.parked' },
  {
    what: 'runs without an end',
    text: `select stream, min(time) as started from ledger.events where category = 'run'
           group by stream having not bool_or(type in ('RunCompleted', 'RunFailed'))`,
  },
  {
    what: 'actions that were begun and have no end',
    text: `select stream from ledger.events where category = 'action'
           group by stream having not bool_or(type <> 'ActionStarted')`,
  },
  {
    what: 'cases whose list shows another number of alerts than the ledger has',
    text: `select summary.case_id, summary.alert_count as list, held.alerts as ledger
           from svc_case.case_summary summary join (
             select data->>'caseId' as case_id, count(*) as alerts from ledger.events
             where category = 'case' and type in ('CaseOpened', 'AlertGrouped') group by 1) held
           on held.case_id = summary.case_id::text where held.alerts <> summary.alert_count`,
  },
  {
    what: `deadlines that were missed by more than ${TOLERANCE_SECONDS} s`,
    text: `select service, kind, id, due_at, status, attempt, last_error from (${Ledger.jobs}) job
           where status in ('waiting', 'leased') and due_at < clock_timestamp() - interval '${TOLERANCE_SECONDS} s'
           union all
           select 'approval', 'approval', expired.stream, (opened.data->>'deadline')::timestamptz, 'expired', 0,
             'at ' || expired.time
           from ledger.events expired join ledger.events opened using (category, stream)
           where category = 'approval' and expired.type = 'ApprovalExpired' and opened.type = 'ApprovalOpened'
             and expired.time::timestamptz not between (opened.data->>'deadline')::timestamptz
               and (opened.data->>'deadline')::timestamptz + interval '${TOLERANCE_SECONDS} s'`,
  },
  {
    what: 'timeouts of steps that a wrong clock has moved',
    text: `select id, created_at, due_at from (${Ledger.jobs}) job where kind = 'step-timeout'
           and abs(extract(epoch from due_at - created_at) - ${STEP_TIMEOUT_MS / 1000}) > 2 * ${TOLERANCE_SECONDS}`,
  },
];

/** Compares what was promised to the outside with what stands in the ledger, the read models and the outside systems. */
export async function checkBooks(site: Site, acknowledged: readonly Acknowledged[]): Promise<Imbalance> {
  const receipts = acknowledged.map(({ receiptId }) => receiptId);
  const found: string[] = [];
  for (const { what, text, acknowledged: asked } of CHECKS) {
    found.push(...tellRows(what, await site.ledger.query(text, asked ? [receipts] : [])));
  }
  found.push(...tellRows('effects', await unbalancedEffects(site)));
  found.push(...(await brokenChains(site)));
  return found;
}

/**
 * Each action that succeeded was done once; what was done had been begun, and did not fail. A read that was cut off at every
 * attempt has failed, for it has no effect that could be unknown: the target may have answered it all the same.
 */
async function unbalancedEffects({ ledger, targets }: Site): Promise<object[]> {
  const effects = await Effects.at(targets);
  const rows = await ledger.query<{ key: string; ended: string; code: string | null; connection: string }>(
    `select distinct on (stream) data->>'actionId' as key, type as ended, data->>'code' as code,
       data->>'connectionId' as connection
     from ledger.events where category = 'action' order by stream, version desc`,
  );
  const ends = new Map(rows.map((row) => [row.key, row]));
  const wrong = rows.flatMap(({ key, ended, code, connection }) => {
    const done = effects.of(key);
    const most = ['ActionSucceeded', 'ActionOutcomeUnknown'].includes(ended) || code === 'outcome_unknown' ? 1 : 0;
    const least = ended === 'ActionSucceeded' ? 1 : 0;
    return done >= least && done <= most ? [] : [{ key, connection, ended, done }];
  });
  const unasked = effects.keys().filter((key) => !ends.has(key));
  return [...wrong, ...unasked.map((key) => ({ key, ended: 'nobody has asked for it', done: effects.of(key) }))];
}

async function brokenChains({ cluster }: Site): Promise<string[]> {
  const auditor = await new DemoClients(cluster.gatewayUrl).as('auditor');
  await auditor.post('/v1/audit/checkpoints');
  const report = await auditor.get<AuditReport>('/v1/audit/verify');
  return report.verified ? [] : [`the ledger does not verify: ${JSON.stringify(report).slice(0, 1_000)}`];
}

export function tellRows(what: string, rows: readonly object[]): string[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, FEW).map((row) => `    ${JSON.stringify(row)}`);
  return [`${rows.length} ${what}:`, ...shown, ...(rows.length > FEW ? ['    ...'] : [])];
}
