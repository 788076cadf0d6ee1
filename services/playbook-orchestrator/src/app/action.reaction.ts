import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type ActionEvent, actionEvents } from '#contracts/events/action';
import { BUS, type BusMessage, done, type Outcome } from '#libs/bus';
import type { ActionResult } from '../domain/run.decider';
import { eventIn, handleByKey, metaOf } from './bus-events';
import { ORCHESTRATOR, RunConductor } from './run-conductor';

/** What became of an action ends its step, and the run goes on. */
@Controller()
export class ActionReaction {
  constructor(@Inject(RunConductor) private readonly runs: RunConductor) {}

  @EventPattern('countersign.action', BUS, {
    batch: 500,
    types: ['ActionSucceeded', 'ActionOutcomeUnknown', 'ActionFailed', 'ActionRefused'],
  })
  onAction(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return handleByKey(messages, async (message) => {
      const event = eventIn(actionEvents, message);
      const result = event && resultOf(event);
      if (event === undefined || result === undefined) return done;
      const asking = { tenant: message.tenant, actor: ORCHESTRATOR, meta: metaOf(message) };
      await this.runs.end(event.data.runId, event.data.actionId, result, asking);
      return done;
    });
  }
}

/** An unknown outcome is a failure of the step: whether the effect is there, people find out (invariant 3). */
function resultOf(event: ActionEvent): ActionResult | undefined {
  switch (event.type) {
    case 'ActionStarted':
      return undefined;
    case 'ActionSucceeded':
      return { kind: 'succeeded', outputs: event.data.outputs };
    case 'ActionOutcomeUnknown':
      return { kind: 'failed', code: 'outcome_unknown', reason: event.data.reason };
    case 'ActionFailed':
    case 'ActionRefused':
      return { kind: 'failed', code: event.data.code, reason: event.data.reason };
  }
}
