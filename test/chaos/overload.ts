import { setTimeout as pause } from 'node:timers/promises';
import { checkBooks } from './books';
import { MemorySamples } from './memory-samples';
import { OverloadClient } from './overload-client';
import { settled } from './settle';
import type { Site } from './site';
import type { Stage } from './stage';
import { SOURCES } from './story';

const CLIENTS = 4;
const MEASURED_SECONDS = 20;
const TIMES_CAPACITY = 3;
const BODY_ALERTS = 250;
const TURN_MS = 250;
/** What three times as much for so long has left to be worked on takes longer than that. */
const PATIENCE_PER_MINUTE_MS = 10 * 60_000;

/**
 * Measures what the whole way of an alert takes, offers three times as much, half of it by clients that wait when they are
 * told to and half by clients that do not, and watches the memory of every process. Resolves to whether all stayed
 * within bounds and every alert that was acknowledged has its outcome.
 */
export async function overload(
  site: Site,
  stage: Stage,
  minutes: number,
  say: (text: string) => void,
): Promise<boolean> {
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    const source = SOURCES[index % SOURCES.length] ?? SOURCES[0];
    return new OverloadClient(
      site.cluster.services.get('ingest')?.url ?? '',
      stage.tokens.get(source),
      index,
      index < CLIENTS / 2,
    );
  });
  const capacity = await measure(site, clients);
  const offered = TIMES_CAPACITY * capacity;
  say(`capacity: ${Math.round(capacity)} alerts/s; offered: ${Math.round(offered)} alerts/s for ${minutes} min`);
  const memory = new MemorySamples(site.instances);
  await offer(clients, offered, minutes * 60_000);
  const processes = memory.stop();
  await Promise.all(clients.map((client) => client.end()));
  for (const { name, firstHalf, secondHalf, restarted, bounded } of processes) {
    const verdict = bounded ? 'bounded' : restarted ? 'WAS RESTARTED' : 'GROWS';
    say(`  ${name.padEnd(24)} at most ${firstHalf} MiB, then ${secondHalf} MiB: ${verdict}`);
  }
  const sent = clients.reduce((sum, client) => sum + client.sent, 0);
  const acknowledged = clients.flatMap((client) => client.acknowledged);
  const answers = clients.flatMap((client) => [...client.answers]);
  say(`${sent} alerts sent, ${acknowledged.length} acknowledged; answers ${JSON.stringify(summed(answers))}`);
  await settled(site, Math.max(1, minutes) * PATIENCE_PER_MINUTE_MS);
  const imbalance = await checkBooks(site, acknowledged);
  for (const line of imbalance) say(`  ${line}`);
  const good = processes.every(({ bounded }) => bounded) && imbalance.length === 0;
  say(
    JSON.stringify({
      overload: {
        capacity: Math.round(capacity),
        offered: Math.round(offered),
        minutes,
        sent,
        acknowledged: acknowledged.length,
        bounded: good,
        processes,
      },
    }),
  );
  return good;
}

/** Alerts a second that come out at the far end, while the clients send as much as is taken. */
async function measure(site: Site, clients: readonly OverloadClient[]): Promise<number> {
  const begun = performance.now();
  const until = begun + MEASURED_SECONDS * 1_000;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < until) await client.send(BODY_ALERTS);
    }),
  );
  while ((await site.ledger.count('select coalesce(sum(pending), 0) as count from svc_ingest.account')) > 0)
    await pause(200);
  const taken = clients.reduce((sum, client) => sum + client.acknowledged.length, 0);
  return (taken * 1_000) / (performance.now() - begun);
}

/** At a steady rate, whatever comes back. */
async function offer(clients: readonly OverloadClient[], perSecond: number, forMs: number): Promise<void> {
  const begun = performance.now();
  let bodies = 0;
  while (performance.now() - begun < forMs) {
    const due = ((performance.now() - begun) / 1_000) * (perSecond / BODY_ALERTS);
    for (; bodies < due; bodies += 1) clients[bodies % clients.length]?.offer(BODY_ALERTS);
    await pause(TURN_MS);
  }
}

function summed(answers: readonly (readonly [string, number])[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [answer, count] of answers) sums[answer] = (sums[answer] ?? 0) + count;
  return sums;
}
