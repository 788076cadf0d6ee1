import type { CaseEvent } from '#contracts/events/case';
import type { ApprovalDetail } from '#contracts/http/approval';
import { ERASED } from '#libs/personal-data';
import { withTenant } from '#libs/read-model';
import type { DataSource } from 'typeorm';

export type KnownCase = NonNullable<ApprovalDetail['case']>;

/** This service's own copy of what an approver is shown of a case, and of whether it is closed. */
export class CaseCopy {
  constructor(private readonly database: DataSource) {}

  /** Idempotent, and blind to what is older than what it has. */
  async take(tenant: string, streamVersion: number, event: CaseEvent): Promise<void> {
    const { caseId } = event.data;
    switch (event.type) {
      case 'CaseOpened':
        await withTenant(this.database, tenant, (tx) =>
          tx.query(
            `insert into svc_approval.case_copy (tenant, case_id, title, severity, status, stream_version)
             values ($1, $2, $3, $4, 'new', $5) on conflict do nothing`,
            [tenant, caseId, event.data.title, event.data.severity, streamVersion],
          ),
        );
        return;
      case 'CaseStatusChanged':
        return this.set(tenant, caseId, streamVersion, 'status', event.data.to);
      case 'CaseSeverityChanged':
        return this.set(tenant, caseId, streamVersion, 'severity', event.data.to);
      default:
    }
  }

  async case(tenant: string, caseId: string | null): Promise<KnownCase | null> {
    if (caseId === null) return null;
    const rows: KnownCase[] = await withTenant(this.database, tenant, (tx) =>
      tx.query(
        `select case_id as "caseId", title, severity, status from svc_approval.case_copy
         where tenant = $1 and case_id = $2`,
        [tenant, caseId],
      ),
    );
    return rows[0] ?? null;
  }

  async forget(tenant: string, caseIds: readonly string[]): Promise<void> {
    await withTenant(this.database, tenant, (tx) =>
      tx.query(`update svc_approval.case_copy set title = $2 where tenant = $1 and case_id = any($3::uuid[])`, [
        tenant,
        ERASED,
        caseIds,
      ]),
    );
  }

  private async set(
    tenant: string,
    caseId: string,
    streamVersion: number,
    column: 'status' | 'severity',
    value: string,
  ): Promise<void> {
    await withTenant(this.database, tenant, (tx) =>
      tx.query(
        `update svc_approval.case_copy set ${column} = $2, stream_version = $3
         where case_id = $1 and stream_version < $3`,
        [caseId, value, streamVersion],
      ),
    );
  }
}
