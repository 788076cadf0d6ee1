import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { RunStatus, RunStep, RunSummary, RunView } from '#contracts/http/playbook-orchestrator';
import { type Clock, DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { CLOCK } from '#libs/service';
import { RunRow } from './run.entity';
import { RunStepRow } from './run-step.entity';

export interface RunFilter {
  readonly case?: string;
  readonly status?: RunStatus;
  readonly playbook?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

const DEFAULT_PAGE = 50;

@Injectable()
export class RunQueries {
  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The latest first. @throws DomainError('invalid_cursor') */
  async list(tenant: string, filter: RunFilter): Promise<{ items: RunSummary[]; next?: string }> {
    const limit = filter.limit ?? DEFAULT_PAGE;
    const after = positionOf(filter.cursor);
    const rows = await withTenant(this.database, tenant, (tx) => {
      const query = tx.createQueryBuilder(RunRow, 'run').where('run.tenant = :tenant', { tenant });
      if (filter.case !== undefined) query.andWhere('run.caseId = :caseId', { caseId: filter.case });
      if (filter.status !== undefined) query.andWhere('run.status = :status', { status: filter.status });
      if (filter.playbook !== undefined)
        query.andWhere('run.playbookId = :playbookId', { playbookId: filter.playbook });
      if (after !== undefined) query.andWhere('(run.started_at, run.run_id) < (:startedAt, :runId)', after);
      return query
        .orderBy('run.startedAt', 'DESC')
        .addOrderBy('run.runId', 'DESC')
        .limit(limit + 1)
        .getMany();
    });
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return rows.length > limit && last !== undefined
      ? { items: items.map(summaryOf), next: cursorOf(last) }
      : { items: items.map(summaryOf) };
  }

  /** @throws DomainError('not_found') */
  async show(tenant: string, runId: string): Promise<RunView> {
    const [run, steps] = await withTenant(this.database, tenant, (tx) =>
      Promise.all([
        tx.findOneBy(RunRow, { tenant, runId }),
        tx.find(RunStepRow, { where: { tenant, runId }, order: { startedVersion: 'asc' } }),
      ]),
    );
    if (run === null) throw new DomainError('not_found', { field: 'id', reason: `there is no run ${runId}` });
    const now = this.clock.now();
    const views = steps.map((step) => stepOf(step, now));
    // A fork is open for as long as its branches: their time is counted there.
    const working = views.filter(({ actionId }) => actionId !== null);
    return {
      ...summaryOf(run),
      variables: run.variables,
      overridden: run.overridden,
      steps: views,
      machineMs: working.reduce((sum, { machineMs }) => sum + machineMs, 0),
      waitingMs: working.reduce((sum, { waitingMs }) => sum + waitingMs, 0),
    };
  }
}

function summaryOf(run: RunRow): RunSummary {
  const { runId, playbookId, playbookDigest, playbookName, caseId, status, trigger, startedBy, code, reason } = run;
  return {
    ...{ runId, playbookId, playbookDigest, playbookName, caseId, status, trigger, startedBy, code, reason },
    startedAt: run.startedAt.toISOString(),
    deadline: run.deadline.toISOString(),
    endedAt: run.endedAt?.toISOString() ?? null,
  };
}

function stepOf(step: RunStepRow, now: Date): RunStep {
  const { stepId, kind, name, status, actionId, connectionId, action, target, outputs, code, reason } = step;
  const end = step.endedAt ?? now;
  const total = end.getTime() - step.startedAt.getTime();
  const waitedUntil = step.dispatchedAt ?? end;
  const waitingMs = step.requestedAt === null ? 0 : waitedUntil.getTime() - step.requestedAt.getTime();
  return {
    ...{ stepId, kind, name, status, actionId, connectionId, action, target, outputs, code, reason },
    startedAt: step.startedAt.toISOString(),
    requestedAt: step.requestedAt?.toISOString() ?? null,
    dispatchedAt: step.dispatchedAt?.toISOString() ?? null,
    endedAt: step.endedAt?.toISOString() ?? null,
    machineMs: Math.max(0, total - waitingMs),
    waitingMs: Math.max(0, waitingMs),
  };
}

const cursorOf = ({ startedAt, runId }: RunRow): string =>
  Buffer.from(JSON.stringify([startedAt.toISOString(), runId]), 'utf8').toString('base64url');

function positionOf(cursor: string | undefined): { startedAt: string; runId: string } | undefined {
  if (cursor === undefined) return undefined;
  const [startedAt, runId] = parsed(cursor);
  if (typeof startedAt === 'string' && typeof runId === 'string' && !Number.isNaN(Date.parse(startedAt))) {
    return { startedAt, runId };
  }
  throw new DomainError('invalid_cursor', { field: 'cursor', reason: 'is not one that this list has given' });
}

function parsed(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
