import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { ActionRequest } from '#contracts/action';
import { serviceActor } from '#contracts/envelope';
import { BUS, done, type BusMessage, type Outcome } from '#libs/bus';
import { execute, type EventStore } from '#libs/event-store';
import type { Clock } from '#libs/kernel';
import { CLOCK, demandValid, EVENT_STORE } from '#libs/service';
import { actionDecider, actionStream } from '../domain/action.decider';

/** Revocation and spending race on the action's stream: refused here unless ActionStarted stands there (invariant 4). */
@Controller()
export class RevocationReaction {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @EventPattern('countersign.approval', BUS, { batch: 200, types: ['RevocationRequested'] })
  async onApproval(messages: BusMessage[]): Promise<Outcome[]> {
    for (const message of messages) await this.refuse(message);
    return messages.map(() => done);
  }

  private async refuse(message: BusMessage): Promise<void> {
    const { request: asked, reason } = message.data;
    demandValid(ActionRequest, asked, 'request');
    const request = asked as ActionRequest;
    const meta = { correlationId: message.correlationId, causationId: message.id, traceparent: message.traceparent };
    await execute(
      this.store,
      actionDecider,
      {
        category: 'action',
        stream: actionStream(request.actionId),
        tenant: message.tenant,
        actor: serviceActor('connector'),
        meta,
        time: this.clock.now(),
      },
      { type: 'RefuseAction', request, code: 'warrant_revoked', reason: String(reason) },
    );
  }
}
