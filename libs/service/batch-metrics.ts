import { Counter, Histogram, type Registry } from 'prom-client';
import type { EndedBatch } from '#libs/telemetry';

/** Of batches: 1 ms for one on the machine itself, 10 s when something is wrong. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** In place of the topic, of a batch that goes to more than one. */
const SEVERAL = 'several';

/** What the batches of the bus and of the event store took, and how much was in them. */
export function batchMetrics(registry: Registry): (batch: EndedBatch) => void {
  const duration = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Histogram({ name, help, labelNames: [...labelNames], buckets: BUCKETS, registers: [registry] });
  const total = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  const byTopic = ['topic'] as const;
  const publishing = duration(
    'countersign_bus_publish_duration_seconds',
    'How long a batch took to be durable',
    byTopic,
  );
  const published = total('countersign_bus_published_messages_total', 'Messages that became durable', byTopic);
  const processing = duration('countersign_bus_process_duration_seconds', 'How long a handler took', byTopic);
  const processed = total('countersign_bus_processed_messages_total', 'Messages that a handler answered for', byTopic);
  const appending = duration('countersign_ledger_append_duration_seconds', 'How long a batch took to be recorded', []);
  const appended = total(
    'countersign_ledger_appended_groups_total',
    'Groups of events that an append answered for',
    [],
  );
  const failures = total('countersign_failed_batches_total', 'Batches that ended in an error', ['operation']);
  return ({ operation, destination: topic = SEVERAL, size, seconds, failed }) => {
    if (failed) failures.inc({ operation });
    switch (operation) {
      case 'publish':
        publishing.observe({ topic }, seconds);
        if (!failed) published.inc({ topic }, size);
        break;
      case 'process':
        processing.observe({ topic }, seconds);
        if (!failed) processed.inc({ topic }, size);
        break;
      case 'append':
        appending.observe(seconds);
        if (!failed) appended.inc(size);
        break;
      case 'relay':
        break;
    }
  };
}
