import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { ALERT_MESSAGES, type AlertEnriched, type AlertReceived } from '#contracts/alert';
import { serviceActor } from '#contracts/envelope';
import {
  ALERTS_TOPIC,
  BULK_ALERTS_TOPIC,
  BUS,
  dead,
  done,
  ENRICHED_ALERT_TOPICS,
  laneOf,
  messageSource,
  URGENT_ALERTS_TOPIC,
  type BusMessage,
  type BusPublisher,
  type Outcome,
} from '#libs/bus';
import type { JsonObject } from '#libs/kernel';
import { BUS_PUBLISHER, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { enrichAlert, notEnriched } from '../domain/enrich-alert';
import { LocalLists } from './local-lists';

/** One message out for each one in, in the same order, lane and with the same key; rejections are passed on. */
@Controller()
export class AlertsReaction {
  constructor(
    @Inject(BUS_PUBLISHER) private readonly publisher: BusPublisher,
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    private readonly lists: LocalLists,
  ) {}

  @EventPattern(URGENT_ALERTS_TOPIC, BUS, { batch: 200 })
  onUrgentAlerts(messages: BusMessage[]): Promise<Outcome[]> {
    return this.passOn(messages);
  }

  @EventPattern(ALERTS_TOPIC, BUS, { batch: 200 })
  onAlerts(messages: BusMessage[]): Promise<Outcome[]> {
    return this.passOn(messages);
  }

  @EventPattern(BULK_ALERTS_TOPIC, BUS, { batch: 200 })
  onBulkAlerts(messages: BusMessage[]): Promise<Outcome[]> {
    return this.passOn(messages);
  }

  /** When the bus does not take the messages, the error puts the whole batch off: none of them is at fault. */
  private async passOn(messages: readonly BusMessage[]): Promise<Outcome[]> {
    const out = messages.map((message) => this.answerTo(message));
    await this.publisher.publish(out.filter((message) => message !== undefined));
    return out.map((message, index) =>
      message === undefined
        ? dead('unknown_event_type', `${messages[index]?.type ?? ''} is no message of alerts`, 'type')
        : done,
    );
  }

  private answerTo(message: BusMessage): BusMessage | undefined {
    const next = {
      ...message,
      topic: ENRICHED_ALERT_TOPICS[laneOf(message.topic) ?? 'ordinary'],
      source: messageSource('enrichment'),
      actor: serviceActor('enrichment'),
      causationId: message.id,
    };
    switch (message.type) {
      case 'AlertRefused':
        return next;
      case 'AlertReceived': {
        const data: unknown = this.enriched(message);
        const { type, version } = ALERT_MESSAGES.AlertEnriched;
        return { ...next, type, schemaVersion: version, data: data as JsonObject };
      }
      default:
        return undefined;
    }
  }

  private enriched(message: BusMessage): AlertEnriched {
    // The bus has checked the message by its contract.
    const alert = message.data as unknown as AlertReceived;
    try {
      return enrichAlert(alert, this.lists.current());
    } catch (error) {
      this.context.logger.error({ err: error, receiptId: message.id }, 'an alert could not be enriched');
      return notEnriched(alert);
    }
  }
}
