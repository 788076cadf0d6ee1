import { Inject, Injectable } from '@nestjs/common';
import type { StartRun } from '#contracts/http/playbook-orchestrator';
import { deterministicId, DomainError, type JsonValue, newId, type Clock } from '#libs/kernel';
import { CLOCK } from '#libs/service';
import { isValidAt } from '../domain/trigger';
import { startVariables } from '../domain/start-variables';
import { CaseFacts } from './case-facts';
import { type ActivePlaybook, type Asking, PlaybookLibrary, playbookIdOf } from './playbook-library';
import { RunConductor } from './run-conductor';

/** Runs that a person starts. */
@Injectable()
export class ManualRuns {
  constructor(
    @Inject(PlaybookLibrary) private readonly playbooks: PlaybookLibrary,
    @Inject(CaseFacts) private readonly cases: CaseFacts,
    @Inject(RunConductor) private readonly runs: RunConductor,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Starts a run of the active version and gives its id. Whoever sets variables is recorded as having done so, and
   * counts as an author of what follows (invariant 5).
   * @param idempotencyKey the same key of the same caller starts one run.
   * @throws DomainError: `not_found` for the playbook or the case, `invalid_transition` when it is not active,
   * `invalid_field` for a variable, `unknown_connection`.
   */
  async start(body: StartRun, idempotencyKey: string | undefined, asking: Asking): Promise<string> {
    const { tenant, actor } = asking;
    const playbookId = playbookIdOf(body.playbookId);
    const runId =
      idempotencyKey === undefined
        ? newId()
        : deterministicId('run', tenant, playbookId, 'manual', actor.kind, actor.id, idempotencyKey);
    const playbook = await this.active(tenant, playbookId);
    // The body has been read as JSON.
    const overrides = (body.variables ?? {}) as Record<string, JsonValue>;
    const caseId = body.caseId ?? null;
    const variables = startVariables(playbook.document, await this.valuesOf(tenant, caseId), overrides);
    const [unknown] = await this.runs.unknownConnections(tenant, playbook.document);
    if (unknown !== undefined) {
      throw new DomainError('unknown_connection', {
        field: 'playbookId',
        reason: `the playbook uses connection ${unknown}, which is not registered`,
      });
    }
    await this.runs.start(
      {
        runId,
        caseId,
        playbook,
        trigger: { kind: 'manual', eventId: null },
        variables,
        overridden: Object.keys(overrides).sort(),
      },
      asking,
    );
    return runId;
  }

  private async active(tenant: string, playbookId: string): Promise<ActivePlaybook> {
    const found = (await this.playbooks.active(tenant)).find((candidate) => candidate.playbookId === playbookId);
    if (found === undefined) {
      const reason = `${playbookId} has no active version: another person must grant its activation first`;
      throw new DomainError('invalid_transition', { field: 'playbookId', reason });
    }
    if (!isValidAt(found.document, this.clock.now())) {
      throw new DomainError('invalid_transition', {
        field: 'playbookId',
        reason: `${playbookId} is not valid at this time`,
      });
    }
    return found;
  }

  private async valuesOf(tenant: string, caseId: string | null): Promise<Record<string, string | null>> {
    if (caseId === null) return {};
    const facts = await this.cases.find(tenant, caseId);
    if (facts === undefined)
      throw new DomainError('not_found', { field: 'caseId', reason: `there is no case ${caseId}` });
    if (facts.closed) throw new DomainError('invalid_transition', { field: 'caseId', reason: 'the case is closed' });
    return facts.variables;
  }
}
