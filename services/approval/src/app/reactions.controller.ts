import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { CaseEvent } from '#contracts/events/case';
import type { ConnectionEvent } from '#contracts/events/connection';
import type { PlaybookEvent } from '#contracts/events/playbook';
import type { RunEvent } from '#contracts/events/run';
import { BUS, done, type BusMessage, type Outcome, inKeyOrder } from '#libs/bus';
import { CaseCopy } from '../read/case-copy';
import { ConnectionCopy } from '../read/connection-copy';
import { PlaybookCopy } from '../read/playbook-copy';
import { RequestsInHand } from '../read/requests-in-hand';
import { RunCopy } from '../read/run-copy';
import { ActionRequests } from './action-requests';
import { Activations } from './activations';
import { Withdrawals } from './withdrawals';

/** What other services' events lead to here. The bus has checked each message by its contract. */
@Controller()
export class ReactionsController {
  constructor(
    private readonly actionRequests: ActionRequests,
    private readonly activations: Activations,
    private readonly withdrawals: Withdrawals,
    private readonly inHand: RequestsInHand,
    private readonly connections: ConnectionCopy,
    private readonly playbooks: PlaybookCopy,
    private readonly runs: RunCopy,
    private readonly cases: CaseCopy,
  ) {}

  /** A request waits for the facts that it rests on by many short retries; ActionRequests bounds them by time. */
  @EventPattern('countersign.run', BUS, {
    batch: 100,
    attempts: 1000,
    types: ['ActionRequested', 'ActionWithdrawn', 'StepCompleted', 'RunStarted', 'RunCompleted', 'RunFailed'],
  })
  onRuns(messages: BusMessage[]): Promise<Outcome[]> {
    return inKeyOrder(messages, async (message) => {
      const event = { type: message.type, data: message.data } as unknown as RunEvent;
      const { tenant } = message;
      switch (event.type) {
        case 'ActionRequested':
          return this.actionRequests.answer(message, event.data);
        case 'ActionWithdrawn':
          await this.withdrawals.withdraw([event.data.actionId], withdrawn(event.data.reason), message);
          return done;
        case 'StepCompleted':
          await this.inHand.settleStep(tenant, event.data.runId, event.data.stepId);
          return done;
        case 'RunStarted':
          await this.runs.take(tenant, message.actor, event);
          return done;
        case 'RunCompleted':
        case 'RunFailed': {
          await this.runs.take(tenant, message.actor, event);
          const open = await this.inHand.ofRun(tenant, event.data.runId);
          await this.withdrawals.withdraw(open, 'The run that asked for it has ended.', message);
          return done;
        }
        case 'StepStarted':
        case 'StepFailed':
        case 'ActionDispatched':
          return done;
      }
    });
  }

  @EventPattern('countersign.playbook', BUS, { batch: 100 })
  onPlaybooks(messages: BusMessage[]): Promise<Outcome[]> {
    return inKeyOrder(messages, async (message) => {
      const event = { type: message.type, data: message.data } as unknown as PlaybookEvent;
      const { tenant } = message;
      const { playbookId, digest } = event.data;
      await this.playbooks.take(tenant, message.streamVersion ?? 0, message.actor, event);
      if (event.type === 'PlaybookDrafted') await this.activations.open(message, event.data);
      if (event.type === 'PlaybookRetired') {
        const open = await this.inHand.ofPlaybook(tenant, playbookId, digest);
        await this.withdrawals.withdraw(open, 'The playbook was retired.', message);
      }
      return done;
    });
  }

  @EventPattern('countersign.connection', BUS, { batch: 100 })
  onConnections(messages: BusMessage[]): Promise<Outcome[]> {
    return inKeyOrder(messages, async ({ tenant, streamVersion, type, data }) => {
      await this.connections.take(tenant, streamVersion ?? 0, { type, data } as unknown as ConnectionEvent);
      return done;
    });
  }

  @EventPattern('countersign.case', BUS, {
    batch: 200,
    types: ['CaseOpened', 'CaseStatusChanged', 'CaseSeverityChanged'],
  })
  onCases(messages: BusMessage[]): Promise<Outcome[]> {
    return inKeyOrder(messages, async (message) => {
      const event = { type: message.type, data: message.data } as unknown as CaseEvent;
      const { tenant } = message;
      await this.cases.take(tenant, message.streamVersion ?? 0, event);
      if (event.type === 'CaseStatusChanged' && event.data.to === 'closed') {
        const open = await this.inHand.ofCase(tenant, event.data.caseId);
        await this.withdrawals.withdraw(open, 'The case was closed.', message);
      }
      return done;
    });
  }

  /** An action that has begun or been refused has nothing left to revoke. */
  @EventPattern('countersign.action', BUS, { batch: 200, sealed: true })
  onActions(messages: BusMessage[]): Promise<Outcome[]> {
    return inKeyOrder(messages, async ({ tenant, data }) => {
      const { actionId } = data;
      if (typeof actionId === 'string') await this.inHand.settle(tenant, actionId);
      return done;
    });
  }
}

const withdrawn = (reason: string): string => `The run no longer wants it: ${reason}`.slice(0, 2000);
