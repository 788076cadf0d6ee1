import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { connectionEvents } from '#contracts/events/connection';
import { BUS, type BusMessage, done, type Outcome } from '#libs/bus';
import { eventIn, handleByKey } from './bus-events';
import { ConnectionCopies } from './connection-copies';

@Controller()
export class ConnectionReaction {
  constructor(@Inject(ConnectionCopies) private readonly copies: ConnectionCopies) {}

  @EventPattern('countersign.connection', BUS, { batch: 100 })
  onConnection(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return handleByKey(messages, async (message) => {
      const event = eventIn(connectionEvents, message);
      if (event !== undefined) await this.copies.keep(message, event);
      return done;
    });
  }
}
