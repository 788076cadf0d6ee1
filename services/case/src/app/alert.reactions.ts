import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { BUS, type BusMessage, ENRICHED_ALERTS_TOPIC, type Outcome } from '#libs/bus';
import { AlertIntake } from './alert-intake';

/** Alerts as they come from enrichment. */
@Controller()
export class AlertReactions {
  constructor(@Inject(AlertIntake) private readonly intake: AlertIntake) {}

  @EventPattern(ENRICHED_ALERTS_TOPIC, BUS, { batch: 500 })
  take(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.take(messages);
  }
}
