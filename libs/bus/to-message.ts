import { eventTopic, sourceOfCategory } from '#contracts/topics';
import type { RecordedEvent } from '#libs/event-store';
import type { BusMessage } from './port';

/** An event as the message that other services receive: keyed by its stream, so that order holds within the stream. */
export function toMessage(event: RecordedEvent): BusMessage {
  return {
    topic: eventTopic(event.category),
    key: event.stream,
    id: event.id,
    type: event.type,
    source: sourceOfCategory(event.category),
    time: event.time,
    tenant: event.tenant,
    schemaVersion: event.schemaVersion,
    actor: event.actor,
    correlationId: event.meta.correlationId,
    causationId: event.meta.causationId,
    traceparent: event.meta.traceparent,
    streamVersion: event.version,
    data: event.data,
  };
}
