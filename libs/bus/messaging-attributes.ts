import type { Attributes } from '@opentelemetry/api';

export type MessagingSystem = 'kafka' | 'postgresql';

/** OpenTelemetry's semantic conventions for messaging spans. `topic` is undefined where there are several. */
export function messagingAttributes(
  operation: 'publish' | 'process',
  system: MessagingSystem,
  { topic, size, group }: { topic: string | undefined; size: number; group?: string },
): Attributes {
  return {
    'messaging.system': system,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation === 'publish' ? 'send' : 'process',
    'messaging.destination.name': topic,
    'messaging.batch.message_count': size,
    'messaging.consumer.group.name': group,
  };
}
