import { Inject, Injectable } from '@nestjs/common';
import { serviceActor } from '#contracts/envelope';
import { connectionsOf, type Playbook } from '#libs/cacao';
import { execute, type EventStore, type Executed } from '#libs/event-store';
import { type Clock, DomainError } from '#libs/kernel';
import type { ProjectionRunner } from '#libs/read-model';
import { causedBy, Telemetry } from '#libs/telemetry';
import { CLOCK, EVENT_STORE, READ_MODELS } from '#libs/service';
import { type ActionResult, type RunCommand, runDecider } from '../domain/run.decider';
import type { RunFlow } from '../domain/run-flow';
import type { RequestedAction, RunState } from '../domain/run-state';
import type { StartVariables } from '../domain/start-variables';
import { ConnectionCopies } from './connection-copies';
import { type ActivePlaybook, type Asking, PlaybookLibrary } from './playbook-library';
import { RecentlyUsed } from './recently-used';

export interface RunStart {
  readonly runId: string;
  readonly caseId: string | null;
  readonly playbook: ActivePlaybook;
  readonly trigger: { readonly kind: 'case_opened' | 'alert_grouped' | 'manual'; readonly eventId: string | null };
  readonly variables: StartVariables;
  readonly overridden: readonly string[];
}

/** What this service's own reactions and deadlines act as. */
export const ORCHESTRATOR = serviceActor('playbook-orchestrator');

/** Moves runs on: every command is decided on the run's own stream, so that races and redelivery are harmless. */
@Injectable()
export class RunConductor {
  private readonly versions = new RecentlyUsed<{ playbookId: string; playbookDigest: string }>(10_000);

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(PlaybookLibrary) private readonly playbooks: PlaybookLibrary,
    @Inject(ConnectionCopies) private readonly connections: ConnectionCopies,
    @Inject(READ_MODELS) private readonly readModels: Pick<ProjectionRunner, 'caughtUpWith'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(Telemetry) private readonly telemetry: Telemetry,
  ) {}

  /** Starts a run; one that was started before stays as it is. */
  async start({ playbook, ...run }: RunStart, asking: Asking): Promise<void> {
    const flow = await this.flow(asking.tenant, playbook.document);
    const { events } = await this.execute(run.runId, asking, {
      type: 'StartRun',
      ...run,
      playbookId: playbook.playbookId,
      playbookDigest: playbook.digest,
      now: this.clock.now(),
      flow,
    });
    if (asking.actor.kind !== 'service') await this.readModels.caughtUpWith(events);
  }

  /** Those of a playbook's connections that are not (yet) known here. */
  async unknownConnections(tenant: string, playbook: Playbook): Promise<string[]> {
    const ids = connectionsOf(playbook);
    const known = await this.connections.facts(tenant, ids);
    return ids.filter((id) => !known.has(id));
  }

  /** What the run asked for under this id, as it stands in the ledger. @throws DomainError('not_found') */
  async requested(runId: string, actionId: string): Promise<RequestedAction> {
    const history = await this.store.readStream('run', streamOf(runId));
    const asked = history.find(({ type, data }) => type === 'ActionRequested' && data.actionId === actionId);
    if (asked === undefined) {
      throw new DomainError('not_found', { field: 'actionId', reason: `run ${runId} asked for no action ${actionId}` });
    }
    // Written by this service, by the contract of ActionRequested.
    const { stepId, request } = asked.data as unknown as Pick<RequestedAction, 'stepId' | 'request'>;
    return { stepId, request, dispatched: false, warranted: false };
  }

  async dispatch(runId: string, actionId: string, warrant: string, asking: Asking): Promise<void> {
    await this.execute(runId, asking, { type: 'DispatchAction', actionId, warrant });
  }

  async refuse(runId: string, actionId: string, code: string, reason: string, asking: Asking): Promise<void> {
    const flow = await this.flowOf(runId, asking.tenant);
    await this.execute(runId, asking, { type: 'RefuseAction', actionId, code, reason, flow });
  }

  async end(runId: string, actionId: string, result: ActionResult, asking: Asking): Promise<void> {
    const flow = await this.flowOf(runId, asking.tenant);
    await this.execute(runId, asking, { type: 'EndAction', actionId, result, flow });
  }

  async expire(runId: string, actionId: string, asking: Asking): Promise<void> {
    const flow = await this.flowOf(runId, asking.tenant);
    await this.execute(runId, asking, { type: 'ExpireAction', actionId, flow });
  }

  async stop(runId: string, code: string, reason: string, asking: Asking): Promise<void> {
    await this.execute(runId, asking, { type: 'StopRun', code, reason });
  }

  private execute(runId: string, { tenant, actor, meta }: Asking, command: RunCommand): Promise<Executed<RunState>> {
    const context = { category: 'run', stream: streamOf(runId), tenant, actor, time: this.clock.now() } as const;
    const work = { name: `run ${command.type}`, parent: meta.traceparent, attributes: { 'countersign.run.id': runId } };
    return this.telemetry.span(work, (traceparent) =>
      execute(this.store, runDecider, { ...context, meta: causedBy(meta, traceparent) }, command),
    );
  }

  private async flowOf(runId: string, tenant: string): Promise<RunFlow> {
    const { playbookId, playbookDigest } = await this.versionOf(runId);
    return this.flow(tenant, await this.playbooks.document(tenant, playbookId, playbookDigest));
  }

  private async flow(tenant: string, playbook: Playbook): Promise<RunFlow> {
    return { playbook, connections: await this.connections.facts(tenant, connectionsOf(playbook)) };
  }

  private async versionOf(runId: string): Promise<{ playbookId: string; playbookDigest: string }> {
    const known = this.versions.get(runId);
    if (known !== undefined) return known;
    const [started] = await this.store.readStream('run', streamOf(runId), { limit: 1 });
    if (started === undefined)
      throw new DomainError('not_found', { field: 'runId', reason: `there is no run ${runId}` });
    const version = {
      playbookId: String(started.data.playbookId),
      playbookDigest: String(started.data.playbookDigest),
    };
    this.versions.set(runId, version);
    return version;
  }
}

const streamOf = (runId: string): string => `run-${runId}`;
