import { setTimeout as pause } from 'node:timers/promises';
import type { Site } from './site';

const LOOK_MS = 1_000;

/** What still has to happen, in words. */
type Pending = readonly string[];

/**
 * Resolves once all instances are up and nothing is pending, twice in a row with the same ledger.
 * @throws Error naming what was still pending after `patienceMs`.
 */
export async function settled(site: Site, patienceMs = 600_000): Promise<void> {
  const begun = performance.now();
  let before: number | undefined;
  let pending: Pending = ['everything'];
  while (performance.now() - begun < patienceMs) {
    try {
      pending = await pendingAt(site);
      const events = await site.ledger.count(
        `select count(*) from ledger.events where category not in ('checkpoint', 'audit', 'policy')`,
      );
      if (pending.length === 0 && events === before) return;
      before = pending.length === 0 ? events : undefined;
    } catch (error) {
      pending = [error instanceof Error ? error.message : String(error)];
    }
    await pause(LOOK_MS);
  }
  throw new Error(`after ${patienceMs / 1000} s there is still pending: ${pending.join('; ')}`);
}

async function pendingAt({ ledger, instances }: Site): Promise<Pending> {
  const away = await Promise.all(
    instances.map(async ({ name, url }) => ((await isReady(url)) ? [] : [`${name} is not ready`])),
  );
  const counts = await ledger.query<{ what: string; count: string }>(
    `select 'receipts without an outcome' as what, coalesce(sum(pending), 0) as count from svc_ingest.account
     union all select 'parked messages', count(*) from bus.parked
     union all select 'runs', count(*) from (
       select stream from ledger.events where category = 'run'
       group by stream having not bool_or(type in ('RunCompleted', 'RunFailed'))) open`,
  );
  const open = counts.filter(({ count }) => Number(count) !== 0).map(({ what, count }) => `${count} ${what}`);
  return [...away.flat(), ...open];
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
