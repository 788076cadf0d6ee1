import type { Actor } from '#contracts/envelope';
import type { RunEvent } from '#contracts/events/run';
import { withTenant } from '#libs/read-model';
import type { DataSource } from 'typeorm';
import type { KnownFacts } from '../domain/action-ruling';

/** This service's own copy of who started which run, as `countersign.run` tells it (invariant 5). */
export class RunCopy {
  constructor(private readonly database: DataSource) {}

  async take(tenant: string, actor: Actor, event: RunEvent): Promise<void> {
    const { runId } = event.data;
    if (event.type === 'RunStarted') {
      await withTenant(this.database, tenant, (tx) =>
        tx.query(
          `insert into svc_approval.run_copy (tenant, run_id, starter) values ($1, $2, $3) on conflict do nothing`,
          [tenant, runId, JSON.stringify(actor)],
        ),
      );
    } else if (event.type === 'RunCompleted' || event.type === 'RunFailed') {
      await withTenant(this.database, tenant, (tx) =>
        tx.query(`update svc_approval.run_copy set ended = true where run_id = $1`, [runId]),
      );
    }
  }

  async run(tenant: string, runId: string): Promise<KnownFacts['run']> {
    const rows: NonNullable<KnownFacts['run']>[] = await withTenant(this.database, tenant, (tx) =>
      tx.query(`select starter, ended from svc_approval.run_copy where tenant = $1 and run_id = $2`, [tenant, runId]),
    );
    return rows[0];
  }
}
