import type { AccountCounts, IngestAccount } from '#contracts/http/ingest';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import type { ClientBase } from 'pg';
import type { DataSource } from 'typeorm';

/** What is told of one receipt: by its reception that it is pending, and by its outcome what became of it. */
export interface Receipt {
  readonly receiptId: string;
  readonly tenant: string;
  readonly sourceId: string;
  readonly source: string;
  readonly receivedAt: string;
  readonly outcome: Exclude<keyof AccountCounts, 'received'>;
}

/** What one source, by its name in whatever tenant, has sent and waits for. */
export interface SourceBacklog {
  /** `other` for all that are not shown by name. */
  readonly source: string;
  readonly received: number;
  readonly pending: number;
}

/**
 * What became of every reception (invariant 3). A receipt has one row, made by whichever is told first, its reception or
 * its outcome; the sums change in the same statement and by what that statement really changed, so that they balance at
 * all times and no redelivery counts twice. Reading the account costs a row a source.
 *
 * Receipts are written in the order of their ids: unsorted batches of two processes would deadlock.
 */
export class Account {
  constructor(private readonly database: DataSource) {}

  /** What is told of receipts, in any order. Of a receipt that has an outcome nothing changes any more. */
  async add(receipts: readonly Receipt[]): Promise<void> {
    if (receipts.length === 0) return;
    await withTenant(this.database, ALL_TENANTS, async (tx) => {
      // By the driver: TypeORM names no statements, and this one takes longer to plan than to run.
      const client: ClientBase = await tx.queryRunner?.connect();
      await client.query({
        name: 'account-add',
        text: ADD,
        values: [
          receipts.map(({ receiptId }) => receiptId),
          receipts.map(({ tenant }) => tenant),
          receipts.map(({ sourceId }) => sourceId),
          receipts.map(({ source }) => source),
          receipts.map(({ receivedAt }) => receivedAt),
          receipts.map(({ outcome }) => outcome),
        ],
      });
    });
  }

  /**
   * Removes the rows of receipts that were decided and are older than `days`. Messages stay on the bus for a week, and a
   * message about a receipt without a row would count it again.
   */
  async forget(signal?: AbortSignal, days = 30): Promise<void> {
    while (!signal?.aborted) {
      const removed = await withTenant(this.database, ALL_TENANTS, (tx) =>
        tx.query<[unknown, number]>(
          `delete from svc_ingest.receipt where receipt_id in (
             select receipt_id from svc_ingest.receipt
             where outcome <> 'pending' and received_at < clock_timestamp() - $1 * interval '1 day'
             limit ${FORGOTTEN_AT_ONCE})`,
          [days],
        ),
      );
      if (removed[1] < FORGOTTEN_AT_ONCE) return;
    }
  }

  /** One row a source that has sent anything, and their sum. */
  async read(tenant: string): Promise<IngestAccount> {
    const rows = await withTenant(this.database, tenant, (tx) =>
      tx.query<(Record<keyof AccountCounts, string> & { source_id: string; source: string })[]>(
        'select * from svc_ingest.account order by source, source_id',
      ),
    );
    const sources = rows.map((row) => ({ sourceId: row.source_id, source: row.source, ...countsOf(row) }));
    const total = countsOf({});
    for (const source of sources) for (const name of COUNTS) total[name] += source[name];
    return { sources, total };
  }

  /** Of every tenant: the sources with most pending, and all others in one. */
  async backlogs(most: number): Promise<SourceBacklog[]> {
    return withTenant(this.database, ALL_TENANTS, (tx) =>
      tx.query<SourceBacklog[]>(
        `with source as (
           select source, sum(received) as received, sum(pending) as pending,
             row_number() over (order by sum(pending) desc, source) as place
           from svc_ingest.account group by source)
         select case when place <= $1 then source else 'other' end as source,
           sum(received)::float8 as received, sum(pending)::float8 as pending
         from source group by 1`,
        [most],
      ),
    );
  }

  /** Of every tenant: how many receipts have had each outcome. */
  async totals(): Promise<Record<(typeof DECIDED)[number], number>> {
    const [row] = await withTenant(this.database, ALL_TENANTS, (tx) =>
      tx.query<Record<(typeof DECIDED)[number], number>[]>(
        `select ${DECIDED.map((outcome) => `coalesce(sum(${outcome}), 0)::float8 as ${outcome}`).join(', ')}
         from svc_ingest.account`,
      ),
    );
    const { new: opened, updated, duplicate, grouped, suppressed, rejected } = row ?? countsOf({});
    return { new: opened, updated, duplicate, grouped, suppressed, rejected };
  }
}

const FORGOTTEN_AT_ONCE = 5_000;

const DECIDED = ['new', 'updated', 'duplicate', 'grouped', 'suppressed', 'rejected'] as const;
const COUNTS = ['received', ...DECIDED, 'pending'] as const;

const ADD = `
  with input as (
    select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[])
      with ordinality as input (receipt_id, tenant, source_id, source, received_at, outcome, place)
  ), written as (
    insert into svc_ingest.receipt as receipt (receipt_id, tenant, source_id, received_at, outcome)
    -- Of what is told of one receipt at once the outcome counts, and of several outcomes the first.
    select distinct on (receipt_id) receipt_id, tenant, source_id, received_at, outcome
    from input order by receipt_id, outcome = 'pending', place
    on conflict (receipt_id) do update set outcome = excluded.outcome
      where receipt.outcome = 'pending' and excluded.outcome <> 'pending'
    -- A row that this statement made has no earlier version: its xmax is 0.
    returning tenant, source_id, outcome, receipt.xmax = 0 as added
  )
  insert into svc_ingest.account as account (tenant, source_id, source, ${COUNTS.join(', ')})
  select written.tenant, written.source_id,
    (select max(input.source) from input where input.source_id = written.source_id),
    count(*) filter (where added),
    ${DECIDED.map((outcome) => `count(*) filter (where outcome = '${outcome}')`).join(', ')},
    count(*) filter (where added and outcome = 'pending') - count(*) filter (where not added)
  from written group by written.tenant, written.source_id order by written.tenant, written.source_id
  on conflict (tenant, source_id) do update
    set ${COUNTS.map((count) => `${count} = account.${count} + excluded.${count}`).join(', ')}`;

function countsOf(row: Partial<Record<keyof AccountCounts, string>>): AccountCounts {
  const count = (name: keyof AccountCounts) => Number(row[name] ?? 0);
  return {
    received: count('received'),
    new: count('new'),
    updated: count('updated'),
    duplicate: count('duplicate'),
    grouped: count('grouped'),
    suppressed: count('suppressed'),
    rejected: count('rejected'),
    pending: count('pending'),
  };
}
