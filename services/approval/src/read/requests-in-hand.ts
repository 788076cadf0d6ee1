import { withTenant } from '#libs/read-model';
import type { DataSource } from 'typeorm';

/** What an approval is about, noted before its first event is appended. */
export interface RequestInHand {
  readonly approvalId: string;
  readonly runId: string | null;
  readonly stepId: string | null;
  readonly caseId: string | null;
  readonly playbookId: string;
  readonly playbookDigest: string;
}

/**
 * Which approvals hang on which case, run and playbook. A request is noted before it is answered, and whoever closes a
 * case notes that before looking here: whatever the order, one of the two sees the other, and nothing stays open that
 * should not (there is no lock across a bus).
 */
export class RequestsInHand {
  constructor(private readonly database: DataSource) {}

  /** Idempotent. Returns for how many milliseconds it has been known, by the database's clock. */
  async note(tenant: string, request: RequestInHand): Promise<number> {
    const { approvalId, runId, stepId, caseId, playbookId, playbookDigest } = request;
    const rows: { age: number }[] = await withTenant(this.database, tenant, async (tx) => {
      await tx.query(
        `insert into svc_approval.request_in_hand
           (tenant, approval_id, run_id, step_id, case_id, playbook_id, playbook_digest)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (approval_id) do nothing`,
        [tenant, approvalId, runId, stepId, caseId, playbookId, playbookDigest],
      );
      return tx.query(
        `select (extract(epoch from clock_timestamp() - first_seen_at) * 1000)::float8 as age
         from svc_approval.request_in_hand where approval_id = $1`,
        [approvalId],
      );
    });
    return rows[0]?.age ?? 0;
  }

  ofCase(tenant: string, caseId: string): Promise<string[]> {
    return this.open(tenant, 'case_id = $2', [caseId]);
  }

  ofRun(tenant: string, runId: string): Promise<string[]> {
    return this.open(tenant, 'run_id = $2', [runId]);
  }

  ofPlaybook(tenant: string, playbookId: string, digest: string): Promise<string[]> {
    return this.open(tenant, 'playbook_id = $2 and playbook_digest = $3', [playbookId, digest]);
  }

  /** There is nothing more to close or to revoke: the action has begun, or has been refused. */
  async settle(tenant: string, approvalId: string): Promise<void> {
    await withTenant(this.database, tenant, (tx) =>
      tx.query(`update svc_approval.request_in_hand set settled = true where approval_id = $1`, [approvalId]),
    );
  }

  /** The step has its result: so have the actions that it asked for until now. */
  async settleStep(tenant: string, runId: string, stepId: string): Promise<void> {
    await withTenant(this.database, tenant, (tx) =>
      tx.query(`update svc_approval.request_in_hand set settled = true where run_id = $1 and step_id = $2`, [
        runId,
        stepId,
      ]),
    );
  }

  private async open(tenant: string, condition: string, values: string[]): Promise<string[]> {
    const rows: { approval_id: string }[] = await withTenant(this.database, tenant, (tx) =>
      tx.query(
        `select approval_id from svc_approval.request_in_hand
         where tenant = $1 and ${condition} and not settled order by first_seen_at`,
        [tenant, ...values],
      ),
    );
    return rows.map((row) => row.approval_id);
  }
}
