import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  ALERTS_TOPIC,
  BULK_ALERTS_TOPIC,
  BULK_ENRICHED_ALERTS_TOPIC,
  BUS,
  type BusMessage,
  deadTopic,
  ENRICHED_ALERTS_TOPIC,
  type Outcome,
  URGENT_ALERTS_TOPIC,
  URGENT_ENRICHED_ALERTS_TOPIC,
} from '#libs/bus';
import { AlertIntake } from './alert-intake';

/**
 * Alerts as they come from enrichment, in their lanes, and those that died on the way: each receipt gets its outcome
 * (invariant 3).
 */
@Controller()
export class AlertReactions {
  constructor(@Inject(AlertIntake) private readonly intake: AlertIntake) {}

  @EventPattern(URGENT_ENRICHED_ALERTS_TOPIC, BUS, { batch: 500 })
  takeUrgent(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.take(messages);
  }

  @EventPattern(ENRICHED_ALERTS_TOPIC, BUS, { batch: 500 })
  take(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.take(messages);
  }

  @EventPattern(BULK_ENRICHED_ALERTS_TOPIC, BUS, { batch: 500 })
  takeBulk(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.take(messages);
  }

  @EventPattern(deadTopic(URGENT_ALERTS_TOPIC), BUS, { batch: 500 })
  rejectUrgentDeadAtEnrichment(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'enrichment');
  }

  @EventPattern(deadTopic(ALERTS_TOPIC), BUS, { batch: 500 })
  rejectDeadAtEnrichment(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'enrichment');
  }

  @EventPattern(deadTopic(BULK_ALERTS_TOPIC), BUS, { batch: 500 })
  rejectBulkDeadAtEnrichment(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'enrichment');
  }

  @EventPattern(deadTopic(URGENT_ENRICHED_ALERTS_TOPIC), BUS, { batch: 500 })
  rejectUrgentDeadHere(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'case');
  }

  @EventPattern(deadTopic(ENRICHED_ALERTS_TOPIC), BUS, { batch: 500 })
  rejectDeadHere(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'case');
  }

  @EventPattern(deadTopic(BULK_ENRICHED_ALERTS_TOPIC), BUS, { batch: 500 })
  rejectBulkDeadHere(@Payload() messages: BusMessage[]): Promise<Outcome[]> {
    return this.intake.takeDead(messages, 'case');
  }
}
