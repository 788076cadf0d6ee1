import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { ActionRequest } from '#contracts/action';
import { serviceActor } from '#contracts/envelope';
import { type EventStore, execute, foldRecorded } from '#libs/event-store';
import { type Clock, DomainError } from '#libs/kernel';
import { type Job, type JobOutcome, JobQueue } from '#libs/jobs';
import { causedBy, Telemetry } from '#libs/telemetry';
import { CLOCK, EVENT_STORE, JOBS, SERVICE_CONFIG } from '#libs/service';
import type { ConnectorConfig } from '../connector-config';
import { actionDecider, actionStream, type ActionCommand, type ActionState } from '../domain/action.decider';
import { ACTION_JOB, dispatchedAction, type DispatchedAction } from './action-job';
import { ActionMetrics } from './action-metrics';
import { ActionPerformer, type Performed } from './action-performer';
import { Admission, type PreparedAction } from './admission';

const DONE: JobOutcome = { status: 'done' };

/**
 * Performs dispatched actions. Spending the warrant (ActionStarted) is recorded before the call, the end after it. When
 * this process dies between the two, whoever takes the job over calls again only a target that honours the idempotency
 * key; for any other the outcome is unknown, and is said to be (invariant 3).
 */
@Injectable()
export class ActionWorker implements OnApplicationBootstrap {
  constructor(
    @Inject(JOBS) private readonly jobs: JobQueue,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SERVICE_CONFIG) private readonly config: ConnectorConfig,
    private readonly admission: Admission,
    private readonly performer: ActionPerformer,
    @Inject(Telemetry) private readonly telemetry: Telemetry,
    private readonly metrics: ActionMetrics,
  ) {}

  onApplicationBootstrap(): void {
    const { CONNECTOR_LEASE_MS: leaseMs, CONNECTOR_CONCURRENCY: concurrency } = this.config;
    this.jobs.handle(ACTION_JOB, { leaseMs, concurrency }, (job, signal) => this.seen(job, signal));
  }

  /** The events of the action and the call are caused by the job's own span. */
  private seen(job: Job, signal: AbortSignal): Promise<JobOutcome> {
    const action = dispatchedAction(job);
    const { connector, action: name, actionId, connectionId } = action.request;
    const attributes = { 'countersign.action.id': actionId, 'countersign.connection.id': connectionId };
    const work = { name: `action ${connector}.${name}`, parent: action.meta.traceparent, attributes };
    return this.telemetry.span(work, (traceparent) =>
      this.work(job, { ...action, meta: causedBy(action.meta, traceparent) }, signal),
    );
  }

  private async work(job: Job, action: DispatchedAction, signal: AbortSignal): Promise<JobOutcome> {
    const { request } = action;
    const history = await this.store.readStream('action', actionStream(request.actionId));
    const before = foldRecorded(actionDecider, history);
    if (before.status === 'ended') return DONE;
    const prepared = await this.prepared(job.tenant, action, before);
    if (!prepared) return DONE;
    if (before.status === 'requested') {
      if (!(await this.started(job.tenant, action, prepared))) return DONE;
    } else if (!prepared.manifest.idempotent) {
      await this.record(job.tenant, action, 1, {
        type: 'RecordUnknownOutcome',
        request,
        attempts: 1,
        code: 'outcome_unknown',
        reason: 'The connector stopped between the call and its record, and the target ignores idempotency keys.',
      });
      return DONE;
    }
    const ended = this.metrics.startCall(request.connector);
    const performed = await this.performer.perform(prepared, request, action.meta.traceparent, signal);
    ended();
    await this.record(job.tenant, action, 1, endOf(request, performed));
    return DONE;
  }

  /** Undefined when the action was refused, or can no longer be performed after it was started. */
  private async prepared(
    tenant: string,
    action: DispatchedAction,
    before: ActionState,
  ): Promise<PreparedAction | undefined> {
    const { request } = action;
    try {
      return await this.admission.prepare(tenant, request);
    } catch (error) {
      if (!(error instanceof DomainError) || error.retryable) throw error;
      const { code, reason } = error;
      if (before.status === 'requested')
        await this.record(tenant, action, 0, { type: 'RefuseAction', request, code, reason });
      else {
        const unknown = `${reason} It had been started before; what became of that is not known.`;
        await this.record(tenant, action, 1, {
          type: 'RecordUnknownOutcome',
          request,
          attempts: 1,
          code,
          reason: unknown,
        });
      }
      return undefined;
    }
  }

  /** Spends the warrant. False when the action was refused, here or by a revocation that was faster. */
  private async started(tenant: string, action: DispatchedAction, { manifest }: PreparedAction): Promise<boolean> {
    const { request } = action;
    try {
      const { digest, warrantId, approvers } = await this.admission.admit(tenant, action, manifest);
      const start: ActionCommand = { type: 'StartAction', request, digest, warrantId, approvers };
      return (await this.record(tenant, action, 0, start)).status === 'started';
    } catch (error) {
      if (!(error instanceof DomainError) || error.retryable || error.kind === 'conflict') throw error;
      const { code, reason } = error;
      await this.record(tenant, action, 0, { type: 'RefuseAction', request, code, reason });
      return false;
    }
  }

  private async record(
    tenant: string,
    { request, meta }: DispatchedAction,
    firstOrdinal: number,
    command: ActionCommand,
  ): Promise<ActionState> {
    const stream = actionStream(request.actionId);
    const actor = serviceActor('connector');
    const context = { category: 'action', stream, tenant, actor, meta, time: this.clock.now(), firstOrdinal } as const;
    const { state, events } = await execute(this.store, actionDecider, context, command);
    this.metrics.recorded(request.connector, events);
    return state;
  }
}

function endOf(request: ActionRequest, performed: Performed): ActionCommand {
  const { attempts } = performed;
  if (performed.kind === 'succeeded') return { type: 'RecordSuccess', request, attempts, outputs: performed.outputs };
  const { code, reason } = performed.error;
  if (performed.kind === 'failed') return { type: 'RecordFailure', request, attempts, code, reason };
  return { type: 'RecordUnknownOutcome', request, attempts, code, reason };
}
