import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ALERTS_TOPIC, BUS, type BusMessage, deadTopic, ENRICHED_ALERTS_TOPIC, type Outcome } from '#libs/bus';
import { AlertIntake } from './alert-intake';

/** Alerts as they come from enrichment, and those that died on the way: each receipt gets its outcome (invariant 3). */
@Controller()
export class AlertReactions {
  constructor(@Inject(AlertIntake) private readonly intake: AlertIntake) {}

  @EventPattern(ENRICHED_ALERTS_TOPIC, BUS, { batch: 500 })
  take(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.take(messages);
  }

  @EventPattern(deadTopic(ALERTS_TOPIC), BUS, { batch: 500 })
  rejectDeadAtEnrichment(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'enrichment');
  }

  @EventPattern(deadTopic(ENRICHED_ALERTS_TOPIC), BUS, { batch: 500 })
  rejectDeadHere(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'case');
  }
}
