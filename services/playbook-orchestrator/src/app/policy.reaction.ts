import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { policyEvents } from '#contracts/events/policy';
import { BUS, type BusMessage, done, type Outcome } from '#libs/bus';
import { eventIn, handleByKey } from './bus-events';
import { WarrantCheck } from './warrant-check';

@Controller()
export class PolicyReaction {
  constructor(@Inject(WarrantCheck) private readonly warrants: WarrantCheck) {}

  @EventPattern('countersign.policy', BUS, { batch: 100 })
  onPolicy(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return handleByKey(messages, async (message) => {
      const event = eventIn(policyEvents, message);
      if (event?.type === 'SigningKeyPublished') await this.warrants.keep(message.id, event.data);
      return done;
    });
  }
}
