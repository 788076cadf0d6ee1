import { Controller, Get, Param } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ActionCounts, ActionView } from '#contracts/http/connector';
import type { Principal } from '#contracts/identity';
import { DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { CurrentPrincipal } from '#libs/service';
import { Action } from '../read/action.entity';

@Controller()
export class ActionsController {
  constructor(private readonly database: DataSource) {}

  @Get('/v1/actions')
  async counts(@CurrentPrincipal() { tenant }: Principal): Promise<{ counts: ActionCounts }> {
    const rows: { status: keyof ActionCounts; count: number }[] = await withTenant(this.database, tenant, (tx) =>
      tx.query('select status, count(*)::int as count from svc_connector.action where tenant = $1 group by status', [
        tenant,
      ]),
    );
    const counts: ActionCounts = { started: 0, succeeded: 0, failed: 0, outcome_unknown: 0, refused: 0 };
    for (const { status, count } of rows) counts[status] = count;
    return { counts };
  }

  @Get('/v1/actions/:id')
  async show(@Param('id') id: string, @CurrentPrincipal() { tenant }: Principal): Promise<ActionView> {
    const row = await withTenant(this.database, tenant, (tx) => tx.getRepository(Action).findOneBy({ id, tenant }));
    if (!row) throw new DomainError('not_found', { field: 'id', reason: `There is no action ${id}.` });
    const { status, runId, caseId, connectionId, action, attempts, approvers, code, reason, outputs } = row;
    return {
      id,
      status,
      runId,
      caseId,
      connectionId,
      action,
      attempts,
      approvers,
      code,
      reason,
      outputs,
      startedAt: row.startedAt?.toISOString() ?? null,
      endedAt: row.endedAt?.toISOString() ?? null,
    };
  }
}
