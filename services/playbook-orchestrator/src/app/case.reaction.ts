import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { caseEvents } from '#contracts/events/case';
import { BUS, type BusMessage, done, type Outcome, retry } from '#libs/bus';
import type { Playbook, Trigger } from '#libs/cacao';
import type { JobQueue } from '#libs/jobs';
import { type Clock, deterministicId, DomainError } from '#libs/kernel';
import { CLOCK, JOBS, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { startVariables } from '../domain/start-variables';
import { matchingTrigger } from '../domain/trigger';
import { eventIn, handleByKey, metaOf } from './bus-events';
import { CaseFacts } from './case-facts';
import { PlaybookLibrary } from './playbook-library';
import { ORCHESTRATOR, RunConductor } from './run-conductor';
import { stopRunsJob } from './stop-runs-job';

/** How long a trigger waits for a connection that this service has not heard of yet. Milliseconds. */
const PATIENCE_MS = 15_000;

/** Starts the runs of active playbooks when a case is opened or an alert joins it; a closed case stops its runs. */
@Controller()
export class CaseReaction {
  private readonly startedAt: number;

  constructor(
    @Inject(CaseFacts) private readonly cases: CaseFacts,
    @Inject(PlaybookLibrary) private readonly playbooks: PlaybookLibrary,
    @Inject(RunConductor) private readonly runs: RunConductor,
    @Inject(JOBS) private readonly jobs: JobQueue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
  ) {
    this.startedAt = clock.now().getTime();
  }

  @EventPattern('countersign.case', BUS, { batch: 500 })
  onCase(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return handleByKey(messages, (message) => this.take(message));
  }

  private async take(message: BusMessage): Promise<Outcome> {
    const event = eventIn(caseEvents, 'case', message);
    if (event === undefined) return done;
    const values = await this.cases.keep(message, event);
    if (event.type === 'CaseStatusChanged' && event.data.to === 'closed') {
      const { caseId } = event.data;
      await this.jobs.schedule([stopRunsJob(message.tenant, { kind: 'case_closed', caseId, eventId: message.id })]);
    }
    if (values === undefined) return done;
    return this.trigger(
      message,
      event.type === 'CaseOpened' ? 'case_opened' : 'alert_grouped',
      event.data.caseId,
      values,
    );
  }

  private async trigger(
    message: BusMessage,
    kind: 'case_opened' | 'alert_grouped',
    caseId: string,
    values: Readonly<Record<string, string | null>>,
  ): Promise<Outcome> {
    const { tenant, id, time } = message;
    for (const { version, playbook } of await this.playbooks.active(tenant)) {
      const trigger = this.matching(playbook, kind, values, time);
      if (trigger === undefined) continue;
      if (await this.shouldWait(message, playbook)) {
        return retry(1_000, `${version.playbookId} uses a connection that is not known here yet`);
      }
      // One run for each version and case, or for each event where the playbook says so: redelivery starts nothing twice.
      const cause = trigger.each === 'event' ? id : caseId;
      await this.runs.start(
        {
          runId: deterministicId('run', tenant, version.playbookId, version.digest, cause),
          caseId,
          playbook: { id: version.playbookId, digest: version.digest, document: playbook },
          trigger: { kind, eventId: id },
          variables: startVariables(playbook, values),
          overridden: [],
        },
        { tenant, actor: ORCHESTRATOR, meta: metaOf(message) },
      );
    }
    return done;
  }

  /** A condition that cannot be evaluated is no match, and said in the log: one playbook must not stop the others. */
  private matching(
    playbook: Playbook,
    kind: 'case_opened' | 'alert_grouped',
    values: Readonly<Record<string, string | null>>,
    time: string,
  ): Trigger | undefined {
    try {
      return matchingTrigger(playbook, kind, values, new Date(time));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.context.logger.warn({ err: error, playbook: playbook.id }, 'the trigger of a playbook cannot be evaluated');
      return undefined;
    }
  }

  /** News of a connection and of a case come on different topics: the case may be first. After a while it goes on without. */
  private async shouldWait({ tenant, time }: BusMessage, playbook: Playbook): Promise<boolean> {
    const since = Math.max(Date.parse(time), this.startedAt);
    if (this.clock.now().getTime() - since > PATIENCE_MS) return false;
    return (await this.runs.unknownConnections(tenant, playbook)).length > 0;
  }
}
