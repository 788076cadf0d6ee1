import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import type { Bus, TopicLag } from '#libs/bus';
import type { EventStore } from '#libs/event-store';
import type { JobQueue } from '#libs/jobs';
import type { ProjectionRunner } from '#libs/read-model';
import type { ServiceMetrics } from './metrics';

export interface Watched {
  readonly store: EventStore;
  readonly bus: Bus;
  /** Consumer group of the service. */
  readonly group: string;
  readonly jobs: JobQueue;
  readonly projections: ProjectionRunner;
  readonly ledgerPool: Pool;
  readonly database: DataSource;
}

/** What to watch in every service: how far it is behind, and what waits. */
export function observe(metrics: ServiceMetrics, watched: Watched): void {
  observeBus(metrics, watched);
  observeWork(metrics, watched);
  observeDatabase(metrics, watched);
}

function observeBus(metrics: ServiceMetrics, { bus, group }: Pick<Watched, 'bus' | 'group'>): void {
  const labels = ['topic', 'partition', 'group'];
  const lag = (of: (lag: TopicLag) => number) => async () =>
    (await bus.lag()).map((one) => ({
      labels: { topic: one.topic, partition: String(one.partition), group },
      value: of(one),
    }));
  metrics.gauge(
    'countersign_bus_lag_messages',
    'Messages that no handler has had yet',
    labels,
    lag((one) => one.lag),
  );
  metrics.gauge(
    'countersign_bus_lag_seconds',
    'How long the oldest message that no handler has had yet has waited',
    labels,
    lag((one) => one.oldestSeconds),
  );
  const parked = (of: (one: { messages: number; keys: number; oldestSeconds: number }) => number) => async () =>
    [...(await bus.troubles()).parked].map(([topic, one]) => ({ labels: { topic }, value: of(one) }));
  metrics.gauge(
    'countersign_bus_parked_messages',
    'Messages that wait for another try, and those behind them',
    ['topic'],
    parked(({ messages }) => messages),
  );
  metrics.gauge(
    'countersign_bus_parked_keys',
    'Keys whose messages wait for another try',
    ['topic'],
    parked(({ keys }) => keys),
  );
  metrics.gauge(
    'countersign_bus_parked_seconds',
    'How long the oldest message that waits for another try has been parked',
    ['topic'],
    parked(({ oldestSeconds }) => oldestSeconds),
  );
  metrics.gauge('countersign_bus_dead_letters', 'Dead letters that nobody has decided on', ['topic'], async () =>
    [...(await bus.troubles()).dead].map(([topic, value]) => ({ labels: { topic }, value })),
  );
}

function observeWork(metrics: ServiceMetrics, { jobs, projections }: Pick<Watched, 'jobs' | 'projections'>): void {
  const ofJobs = (of: 'open' | 'overdue' | 'overdueSeconds') => async () =>
    (await jobs.open()).map((one) => ({ labels: { kind: one.kind }, value: one[of] }));
  metrics.gauge('countersign_jobs_open', 'Jobs and deadlines without an end', ['kind'], ofJobs('open'));
  metrics.gauge(
    'countersign_jobs_overdue',
    'Jobs and deadlines that are due and in nobody’s hand',
    ['kind'],
    ofJobs('overdue'),
  );
  metrics.gauge(
    'countersign_jobs_overdue_seconds',
    'How long the oldest job or deadline that is in nobody’s hand has been due',
    ['kind'],
    ofJobs('overdueSeconds'),
  );
  metrics.gauge('countersign_projection_stuck', '1 for a read model that cannot go on', ['projection'], async () => {
    const troubles = projections.troubles();
    return projections.names().map((projection) => ({ labels: { projection }, value: projection in troubles ? 1 : 0 }));
  });
  metrics.gauge(
    'countersign_projection_lag_seconds',
    'For how long a read model has not been level with the ledger',
    ['projection'],
    async () => Object.entries(projections.lags()).map(([projection, value]) => ({ labels: { projection }, value })),
  );
}

function observeDatabase(
  metrics: ServiceMetrics,
  { store, ledgerPool, database }: Pick<Watched, 'store' | 'ledgerPool' | 'database'>,
): void {
  metrics.gauge('countersign_visibility_lag_events', 'Committed events that readers do not see yet', [], async () => [
    { labels: {}, value: (await store.visibilityLag()).events },
  ]);
  metrics.gauge('countersign_visibility_lag_seconds', 'Age of the oldest event not seen yet', [], async () => [
    { labels: {}, value: (await store.visibilityLag()).milliseconds / 1000 },
  ]);
  metrics.gauge(
    'countersign_database_connections',
    'Connections of a pool by what they do; waiting: who would like one',
    ['pool', 'state'],
    async () => [...connectionsOf('ledger', ledgerPool), ...connectionsOf('read-models', poolOf(database))],
  );
}

type PoolCounts = Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>;

function connectionsOf(pool: string, counts: PoolCounts | undefined) {
  if (counts === undefined) return [];
  const { totalCount, idleCount, waitingCount } = counts;
  const states = { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  return Object.entries(states).map(([state, value]) => ({ labels: { pool, state }, value }));
}

/** TypeORM's driver for PostgreSQL has its pool of `pg` as `master`. */
function poolOf({ driver }: DataSource): PoolCounts | undefined {
  return 'master' in driver ? (driver.master as PoolCounts) : undefined;
}
