import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { DataSource } from 'typeorm';
import { type ApprovalEvent, approvalEvents } from '#contracts/events/approval';
import { BUS, type BusMessage, done, type Outcome, retry } from '#libs/bus';
import { type Clock, DomainError } from '#libs/kernel';
import { withTenant } from '#libs/read-model';
import { CLOCK } from '#libs/service';
import { RunStepRow } from '../read/run-step.entity';
import { eventIn, handleByKey, metaOf } from './bus-events';
import { CaseFacts } from './case-facts';
import { ConnectionCopies } from './connection-copies';
import { type Asking, PlaybookLibrary } from './playbook-library';
import { ORCHESTRATOR, RunConductor } from './run-conductor';
import { WarrantCheck } from './warrant-check';

/** How long a warrant may wait for the key that it names. Milliseconds. */
const PATIENCE_MS = 60_000;
/** Our own read model is a moment behind our own ledger. Milliseconds. */
const SOON_MS = 200;

type Decision = Extract<ApprovalEvent, { type: 'ApprovalGranted' | 'ApprovalDenied' | 'ApprovalExpired' }>;

/** The approval service's answers: an allowed action is dispatched with its warrant, every other one fails its step. */
@Controller()
export class ApprovalReaction {
  private readonly startedAt: number;

  constructor(
    @Inject(RunConductor) private readonly runs: RunConductor,
    @Inject(PlaybookLibrary) private readonly playbooks: PlaybookLibrary,
    @Inject(ConnectionCopies) private readonly connections: ConnectionCopies,
    @Inject(CaseFacts) private readonly cases: CaseFacts,
    @Inject(WarrantCheck) private readonly warrants: WarrantCheck,
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.startedAt = clock.now().getTime();
  }

  @EventPattern('countersign.approval', BUS, {
    batch: 500,
    types: ['ActionAllowed', 'ActionRejected', 'ApprovalGranted', 'ApprovalDenied', 'ApprovalExpired'],
  })
  onApproval(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return handleByKey(messages, (message) => this.take(message));
  }

  private async take(message: BusMessage): Promise<Outcome> {
    const event = eventIn(approvalEvents, message);
    if (event === undefined) return done;
    const asking: Asking = { tenant: message.tenant, actor: ORCHESTRATOR, meta: metaOf(message) };
    switch (event.type) {
      case 'ActionAllowed':
        return this.dispatch(message, event.data.runId, event.data.actionId, event.data.warrant, asking);
      case 'ActionRejected': {
        const { runId, actionId, code, reason } = event.data;
        await this.runs.refuse(runId, actionId, code, reason, asking);
        return done;
      }
      case 'ApprovalGranted':
      case 'ApprovalDenied':
      case 'ApprovalExpired':
        return event.data.kind === 'activation' ? this.activate(message, event) : this.decide(message, event, asking);
      case 'ApprovalOpened':
      case 'GrantRecorded':
      case 'RevocationRequested':
        return done;
    }
  }

  private async decide(message: BusMessage, event: Decision, asking: Asking): Promise<Outcome> {
    const actionId = event.data.approvalId;
    const runId = await this.runOf(message.tenant, actionId);
    if (runId === undefined) return retry(SOON_MS, `no run is known here that asked for action ${actionId}`);
    switch (event.type) {
      case 'ApprovalGranted':
        return this.dispatch(message, runId, actionId, event.data.warrant ?? '', asking);
      case 'ApprovalDenied': {
        const { comment } = event.data;
        await this.runs.refuse(
          runId,
          actionId,
          'denied',
          comment === '' ? 'The approval was denied.' : `The approval was denied: ${comment}`,
          asking,
        );
        return done;
      }
      case 'ApprovalExpired':
        await this.runs.refuse(runId, actionId, 'approval_expired', 'Nobody decided on the approval in time.', asking);
        return done;
    }
  }

  /** A warrant that does not hold up is no permission: the step fails, and the connector is not even asked. */
  private async dispatch(
    message: BusMessage,
    runId: string,
    actionId: string,
    warrant: string,
    asking: Asking,
  ): Promise<Outcome> {
    const { request } = await this.runs.requested(runId, actionId);
    const facts = request.caseId === null ? undefined : await this.cases.find(message.tenant, request.caseId);
    if (facts?.closed === true) {
      await this.runs.stop(runId, 'case_closed', 'The case was closed.', asking);
      return done;
    }
    const connection = (await this.connections.facts(message.tenant, [request.connectionId])).get(request.connectionId);
    // What is not declared is disruptive.
    const disruptive = (connection?.effects.get(request.action) ?? 'disruptive') === 'disruptive';
    try {
      await this.warrants.verify(message.tenant, request, warrant, disruptive);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (error.field === 'kid' && this.mayStillCome(message)) return retry(500, error.message);
      await this.runs.refuse(runId, actionId, error.code, error.message, asking);
      return done;
    }
    await this.runs.dispatch(runId, actionId, warrant, asking);
    return done;
  }

  /** The activation is a human's decision: the events say whose. */
  private async activate(message: BusMessage, event: Decision): Promise<Outcome> {
    const { approvalId, digest } = event.data;
    const version = await this.playbooks.versionOfApproval(message.tenant, approvalId);
    if (version === undefined) return retry(SOON_MS, `no playbook version is known here with activation ${approvalId}`);
    if (version.digest !== digest) {
      throw new DomainError('digest_mismatch', {
        field: 'digest',
        reason: `the activation is of version ${version.digest}`,
      });
    }
    const outcome =
      event.type === 'ApprovalGranted' ? 'granted' : event.type === 'ApprovalDenied' ? 'denied' : 'expired';
    const asking: Asking = { tenant: message.tenant, actor: message.actor, meta: metaOf(message) };
    await this.playbooks.answerActivation(version, outcome, asking);
    return done;
  }

  private async runOf(tenant: string, actionId: string): Promise<string | undefined> {
    const step = await withTenant(this.database, tenant, (tx) => tx.findOneBy(RunStepRow, { tenant, actionId }));
    return step?.runId;
  }

  private mayStillCome({ time }: BusMessage): boolean {
    return this.clock.now().getTime() - Math.max(Date.parse(time), this.startedAt) < PATIENCE_MS;
  }
}
