import type { EntityManager } from 'typeorm';
import type { Job, JobSpec } from './job';

/** The jobs of one kind that have no end yet. */
export interface OpenJobs {
  readonly kind: string;
  readonly open: number;
  /** Due, and in nobody's hand. */
  readonly overdue: number;
  /** For how long the oldest of those has been. */
  readonly overdueSeconds: number;
}

type Queryable = Pick<EntityManager, 'query'>;

/**
 * Every time is told by the database's clock. A lease begins when its job was due, so that both kinds are found by the index
 * on `due_at`, which serves a time that is asked for once, and not one that may differ from row to row.
 */
const IS_DUE = `due_at <= (select clock_timestamp())
  and (status = 'waiting' or (status = 'leased' and lease_until < clock_timestamp()))`;

/** The statements on `svc_<service>.job`. Every time in them is the database's own (invariant 6). */
export class JobTable {
  private readonly table: string;

  constructor(schema: string) {
    this.table = `"${schema}".job`;
  }

  async insert(db: Queryable, jobs: readonly JobSpec[]): Promise<void> {
    await db.query(
      `insert into ${this.table} (id, kind, tenant, payload, due_at)
       select id, kind, tenant, payload::jsonb, coalesce(due_at::timestamptz, clock_timestamp())
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as j (id, kind, tenant, payload, due_at)
       on conflict (id) do nothing`,
      [
        jobs.map((job) => job.id),
        jobs.map((job) => job.kind),
        jobs.map((job) => job.tenant),
        jobs.map((job) => JSON.stringify(job.payload)),
        jobs.map((job) => job.dueAt ?? null),
      ],
    );
  }

  /** Takes back what nobody holds. A job in hand goes on: its handler must look at the ledger before it acts. */
  async cancel(db: Queryable, ids: readonly string[]): Promise<void> {
    await db.query(
      `update ${this.table} set status = 'cancelled', finished_at = clock_timestamp()
       where id = any($1::text[]) and status = 'waiting'`,
      [ids],
    );
  }

  /** Those of `kinds` of which there is something to claim. */
  async dueKinds(db: Queryable, kinds: readonly string[]): Promise<Set<string>> {
    const rows: { kind: string }[] = await db.query(
      `select kind from unnest($1::text[]) as wanted(kind)
       where exists (select from ${this.table} as job where job.kind = wanted.kind and ${IS_DUE})`,
      [kinds],
    );
    return new Set(rows.map(({ kind }) => kind));
  }

  /** Leases up to `limit` due jobs, earliest first, those with an expired lease among them. */
  async claim(db: Queryable, kind: string, owner: string, leaseMs: number, limit: number): Promise<Job[]> {
    return db.query(
      `with due as (
         select id from ${this.table}
         where kind = $1 and ${IS_DUE}
         order by due_at limit $4
         for update skip locked
       ), claimed as (
         update ${this.table} as job
         set status = 'leased', lease_owner = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond',
             attempt = attempt + 1, taken_over = taken_over or status = 'leased'
         from due where job.id = due.id
         returning job.id, job.kind, job.tenant, job.payload, job.attempt, job.taken_over as "takenOver", job.due_at
       ) select id, kind, tenant, payload, attempt, "takenOver" from claimed order by due_at`,
      [kind, owner, leaseMs, limit],
    );
  }

  /** False when the lease is no longer ours. */
  async renew(db: Queryable, job: Job, owner: string, leaseMs: number): Promise<boolean> {
    return this.changed(
      db,
      `update ${this.table} set lease_until = clock_timestamp() + $4 * interval '1 millisecond'
       where id = $1 and attempt = $2 and lease_owner = $3 and status = 'leased' returning 1`,
      [job.id, job.attempt, owner, leaseMs],
    );
  }

  async finish(db: Queryable, job: Job, owner: string): Promise<boolean> {
    return this.changed(
      db,
      `update ${this.table} set status = 'done', finished_at = clock_timestamp(), lease_owner = null, lease_until = null
       where id = $1 and attempt = $2 and lease_owner = $3 and status = 'leased' returning 1`,
      [job.id, job.attempt, owner],
    );
  }

  async putBack(db: Queryable, job: Job, owner: string, afterMs: number, error: string | null): Promise<boolean> {
    return this.changed(
      db,
      `update ${this.table}
       set status = 'waiting', due_at = clock_timestamp() + $4 * interval '1 millisecond', last_error = $5,
           lease_owner = null, lease_until = null
       where id = $1 and attempt = $2 and lease_owner = $3 and status = 'leased' returning 1`,
      [job.id, job.attempt, owner, afterMs, error],
    );
  }

  open(db: Queryable): Promise<OpenJobs[]> {
    return db.query(
      `with unfinished as (
         select kind, case status when 'waiting' then due_at else greatest(due_at, lease_until) end as due_at
         from ${this.table} where status in ('waiting', 'leased')
       ) select kind, count(*)::int as open, count(*) filter (where due_at < clock_timestamp())::int as overdue,
           greatest(extract(epoch from clock_timestamp() - min(due_at)), 0)::float8 as "overdueSeconds"
         from unfinished group by kind`,
    );
  }

  private async changed(db: Queryable, update: string, values: unknown[]): Promise<boolean> {
    const rows: unknown[] = await db.query(`with changed as (${update}) select * from changed`, values);
    return rows.length === 1;
  }
}
