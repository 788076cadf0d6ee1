import type { Bus } from '#libs/bus';
import type { EventStore } from '#libs/event-store';
import type { JobQueue } from '#libs/jobs';
import type { ProjectionRunner } from '#libs/read-model';
import type { ServiceMetrics } from './metrics';

/** What to watch in every service: how far it is behind, and what waits. */
export function observe(
  metrics: ServiceMetrics,
  parts: { store: EventStore; bus: Bus; jobs: JobQueue; projections: ProjectionRunner },
): void {
  const { store, bus, jobs, projections } = parts;
  metrics.gauge('countersign_bus_lag_messages', 'Messages that no handler has had yet', ['topic'], async () =>
    (await bus.lag()).map(({ topic, lag }) => ({ labels: { topic }, value: lag })),
  );
  metrics.gauge('countersign_bus_parked_messages', 'Messages that wait for another try', ['topic'], async () =>
    byTopic((await bus.troubles()).parked),
  );
  metrics.gauge('countersign_bus_dead_letters', 'Dead letters that nobody has decided on', ['topic'], async () =>
    byTopic((await bus.troubles()).dead),
  );
  metrics.gauge('countersign_visibility_lag_events', 'Committed events that readers do not see yet', [], async () => [
    { labels: {}, value: (await store.visibilityLag()).events },
  ]);
  metrics.gauge('countersign_visibility_lag_seconds', 'Age of the oldest event not seen yet', [], async () => [
    { labels: {}, value: (await store.visibilityLag()).milliseconds / 1000 },
  ]);
  metrics.gauge('countersign_jobs_open', 'Jobs and deadlines without an end', ['kind'], async () =>
    Object.entries(await jobs.open()).map(([kind, value]) => ({ labels: { kind }, value })),
  );
  metrics.gauge('countersign_projection_stuck', '1 for a read model that cannot go on', ['projection'], async () => {
    const troubles = projections.troubles();
    return projections.names().map((projection) => ({ labels: { projection }, value: projection in troubles ? 1 : 0 }));
  });
}

const byTopic = (counts: ReadonlyMap<string, number>) =>
  [...counts].map(([topic, value]) => ({ labels: { topic }, value }));
