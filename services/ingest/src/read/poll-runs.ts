import type { PollStatus, SourcePoll } from '#contracts/http/ingest';
import type { PollConfiguration } from '#contracts/source-poll';
import type { DomainError } from '#libs/kernel';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import type { DataSource } from 'typeorm';

/** One poll: of which source, by which revision of its configuration. */
export interface PollRun {
  readonly sourceId: string;
  readonly tenant: string;
  readonly revision: number;
}

interface Row {
  readonly source_id: string;
  readonly configuration: PollConfiguration;
  readonly watermark: Date;
  readonly lag_seconds: string;
  readonly last_poll_at: Date | null;
  readonly last_success_at: Date | null;
  readonly failures: number | null;
  readonly last_failure: PollStatus['lastFailure'];
}

/** Since when something may be missing: what a poll was complete up to counts for the configuration that it was made by. */
const LAG = `extract(epoch from clock_timestamp() - greatest(poll.watermark,
  case when run.revision = poll.revision then run.complete_until end))`;

/** How the polling goes, for whoever watches it. No part of the truth: lost, nothing is polled otherwise. */
export class PollRuns {
  constructor(private readonly database: DataSource) {}

  async began({ sourceId, tenant, revision }: PollRun): Promise<void> {
    await this.query(
      `insert into svc_ingest.poll_run (source_id, tenant, revision, last_poll_at) values ($1, $2, $3, clock_timestamp())
       on conflict (source_id) do update set last_poll_at = clock_timestamp()`,
      [sourceId, tenant, revision],
    );
  }

  /** @param completeUntil everything that was changed before has been taken. Milliseconds since the epoch. */
  async succeeded({ sourceId, revision }: PollRun, completeUntil: number): Promise<void> {
    await this.query(
      `update svc_ingest.poll_run set last_success_at = clock_timestamp(), failures = 0, revision = $2, complete_until = $3
       where source_id = $1`,
      [sourceId, revision, new Date(completeUntil)],
    );
  }

  /** @returns how many have failed in a row, and of which source, how often it is polled. */
  async failed(
    { sourceId }: PollRun,
    { code, message }: DomainError,
  ): Promise<{ readonly failures: number; readonly source: string; readonly intervalSeconds: number }> {
    const [rows] = await this.query<[{ failures: number; source: string; interval: number | null }[], number]>(
      `update svc_ingest.poll_run run set failures = failures + 1,
         last_failure = jsonb_build_object('reason', $2::text, 'detail', $3::text,
           'at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
       from svc_ingest.poll join svc_ingest.source on source.id = poll.source_id
       where run.source_id = $1 and poll.source_id = run.source_id
       returning run.failures, source.name as source, (poll.configuration ->> 'intervalSeconds')::integer as interval`,
      [sourceId, code, message],
    );
    const [row] = rows;
    return { failures: row?.failures ?? 1, source: row?.source ?? sourceId, intervalSeconds: row?.interval ?? 1 };
  }

  /** Of the sources that are polled now, by their ids. */
  async read(tenant: string): Promise<ReadonlyMap<string, SourcePoll>> {
    const rows = await withTenant(this.database, tenant, (tx) =>
      tx.query<Row[]>(
        `select poll.source_id, poll.configuration, poll.watermark, ${LAG} as lag_seconds,
           run.last_poll_at, run.last_success_at, run.failures, run.last_failure
         from svc_ingest.poll poll left join svc_ingest.poll_run run on run.source_id = poll.source_id
         where poll.configuration is not null`,
      ),
    );
    return new Map(rows.map((row) => [row.source_id, viewOf(row)]));
  }

  /** Of the sources that are polled now, by their names: those that are furthest behind, and the furthest of all others as `other`. */
  async lags(most: number): Promise<{ readonly source: string; readonly seconds: number }[]> {
    const rows = await this.query<{ source: string; seconds: string }[]>(
      `with lag as (
         select source.name, ${LAG} as seconds
         from svc_ingest.poll poll join svc_ingest.source source on source.id = poll.source_id
           left join svc_ingest.poll_run run on run.source_id = poll.source_id
         where poll.configuration is not null
       ), ranked as (
         select name, seconds, row_number() over (order by seconds desc, name) <= $1 as is_shown from lag
       )
       select case when is_shown then name else 'other' end as source, max(seconds) as seconds from ranked group by 1`,
      [most],
    );
    return rows.map(({ source, seconds }) => ({ source, seconds: Number(seconds) }));
  }

  private query<Result = unknown>(sql: string, parameters: readonly unknown[]): Promise<Result> {
    return withTenant(this.database, ALL_TENANTS, (tx) => tx.query<Result>(sql, [...parameters]));
  }
}

function viewOf(row: Row): SourcePoll {
  const status: PollStatus = {
    watermark: row.watermark.toISOString(),
    lagSeconds: Number(row.lag_seconds),
    lastPollAt: row.last_poll_at?.toISOString() ?? null,
    lastSuccessAt: row.last_success_at?.toISOString() ?? null,
    failures: row.failures ?? 0,
    lastFailure: row.last_failure ?? null,
  };
  return { ...row.configuration, status };
}
