import type { Pool } from 'pg';
import type { Relay } from '#libs/bus';
import type { ServiceMetrics } from '#libs/service';

/** The age of what proves the ledger, and how far the topics are behind it. @param relay in the cluster alone. */
export function observeLedger(
  metrics: ServiceMetrics,
  pool: Pool,
  relay: () => Pick<Relay, 'state'> | undefined,
): void {
  metrics.gauge('countersign_checkpoint_age_seconds', 'Since the last checkpoint was signed', [], async () => {
    const { rows } = await pool.query<{ age: number }>(
      `select extract(epoch from clock_timestamp() - time)::float8 as age from ledger.events
       where category = 'checkpoint' and stream = 'checkpoint-log' order by version desc limit 1`,
    );
    return rows.map(({ age }) => ({ labels: {}, value: Math.max(age, 0) }));
  });
  const ofRelay = (of: 'lag' | 'oldestSeconds' | 'dead') => async () => {
    const state = await relay()?.state();
    return state === undefined ? [] : [{ labels: {}, value: state[of] }];
  };
  metrics.gauge(
    'countersign_relay_lag_events',
    'Events that are not in their topics yet, up to 1000',
    [],
    ofRelay('lag'),
  );
  metrics.gauge(
    'countersign_relay_lag_seconds',
    'How long the oldest event that is not in its topic yet has waited',
    [],
    ofRelay('oldestSeconds'),
  );
  metrics.gauge('countersign_relay_dead_letters', 'Events that no topic takes, undecided', [], ofRelay('dead'));
}
