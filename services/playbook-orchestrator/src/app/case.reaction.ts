import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type CaseEvent, caseEvents } from '#contracts/events/case';
import { BUS, type BusMessage, done, type Outcome, retry } from '#libs/bus';
import type { Playbook, Trigger, TriggerEvent } from '#libs/cacao';
import type { JobQueue } from '#libs/jobs';
import { type Clock, deterministicId, DomainError } from '#libs/kernel';
import { CLOCK, JOBS, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { startVariables } from '../domain/start-variables';
import { matchingTrigger } from '../domain/trigger';
import { eventIn, handleByKey, metaOf } from './bus-events';
import { CaseFacts, type CaseNews } from './case-facts';
import { type ActivePlaybook, PlaybookLibrary } from './playbook-library';
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

  /** A storm is mostly alerts that join a case: what they have in common is looked up once a batch. */
  @EventPattern('countersign.case', BUS, {
    batch: 500,
    types: ['CaseOpened', 'AlertGrouped', 'CaseSeverityChanged', 'CaseStatusChanged'],
  })
  async onCase(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    const events: { message: BusMessage; event: CaseEvent }[] = [];
    const checked = await handleByKey(messages, async (message) => {
      const event = eventIn(caseEvents, message);
      if (event !== undefined) events.push({ message, event });
      return done;
    });
    const news = new Map((await this.cases.keep(inOrder(events, messages))).map((one) => [one.message, one]));
    const active = await this.activeByTenant(messages);
    return handleByKey(messages, async (message) => {
      const one = news.get(message);
      return one === undefined
        ? (checked[messages.indexOf(message)] ?? done)
        : this.take(one, active.get(message.tenant) ?? []);
    });
  }

  private async activeByTenant(messages: readonly BusMessage[]): Promise<Map<string, ActivePlaybook[]>> {
    const tenants = [...new Set(messages.map(({ tenant }) => tenant))];
    return new Map(
      await Promise.all(tenants.map(async (tenant) => [tenant, await this.playbooks.active(tenant)] as const)),
    );
  }

  private async take({ message, event, facts }: CaseNews, active: readonly ActivePlaybook[]): Promise<Outcome> {
    const { caseId } = event.data;
    if (event.type === 'CaseStatusChanged' && event.data.to === 'closed') {
      await this.jobs.schedule([stopRunsJob(message.tenant, { kind: 'case_closed', caseId, eventId: message.id })]);
    }
    if (facts === undefined || facts.closed) return done;
    if (event.type === 'CaseOpened') return this.trigger(message, 'case_opened', caseId, facts.variables, active);
    if (event.type === 'AlertGrouped') return this.trigger(message, 'alert_grouped', caseId, facts.variables, active);
    return done;
  }

  private async trigger(
    message: BusMessage,
    kind: TriggerEvent,
    caseId: string,
    values: Readonly<Record<string, string | null>>,
    active: readonly ActivePlaybook[],
  ): Promise<Outcome> {
    const { tenant, id } = message;
    for (const playbook of active) {
      const trigger = this.matching(playbook.document, kind, values, message.time);
      if (trigger === undefined) continue;
      if (await this.shouldWait(message, playbook.document)) {
        return retry(1_000, `${playbook.playbookId} uses a connection that is not known here yet`);
      }
      // One run for each version and case, or for each event where the playbook says so: redelivery starts nothing twice.
      const cause = trigger.each === 'event' ? id : caseId;
      await this.runs.start(
        {
          runId: deterministicId('run', tenant, playbook.playbookId, playbook.digest, cause),
          caseId,
          playbook,
          trigger: { kind, eventId: id },
          variables: startVariables(playbook.document, values),
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
    kind: TriggerEvent,
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

/** Keys are worked on side by side: back to the order of the batch. */
function inOrder<T extends { readonly message: BusMessage }>(
  items: readonly T[],
  messages: readonly BusMessage[],
): T[] {
  const places = new Map(messages.map((message, index) => [message, index]));
  return [...items].sort((a, b) => (places.get(a.message) ?? 0) - (places.get(b.message) ?? 0));
}
