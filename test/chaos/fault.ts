import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVICES, type ServiceName } from '#contracts/envelope';
import { isAlive } from '#libs/local';
import type { Random } from './random';
import type { Instance, Link, Site } from './site';

/** Everything that is done to a site. A plan of them is drawn before the round, so that a seed tells it in full. */
export type Fault =
  | { readonly kind: 'kill-service' | 'leave-group'; readonly instance: string }
  | { readonly kind: 'pause-service'; readonly instance: string; readonly forMs: number }
  | { readonly kind: 'kill-postgres' | 'kill-broker' }
  | { readonly kind: 'pause-postgres' | 'pause-broker'; readonly forMs: number }
  | { readonly kind: 'fill-queue'; readonly service: ServiceName; readonly alerts: number; readonly forMs: number }
  | { readonly kind: 'cut-connections'; readonly link: Link }
  | { readonly kind: 'cut-responses'; readonly link: Link; readonly count: number }
  | { readonly kind: 'move-clock'; readonly service: ServiceName; readonly byMs: number };

export type FaultKind = Fault['kind'];

/** How often each is drawn beside the others. */
const DECK: readonly FaultKind[] = [
  'kill-service',
  'kill-service',
  'kill-service',
  'kill-postgres',
  'kill-broker',
  'pause-service',
  'pause-postgres',
  'pause-broker',
  'leave-group',
  'fill-queue',
  'cut-connections',
  'cut-responses',
  'cut-responses',
  'move-clock',
];

/** Consumers lose their membership after 10 s. */
const LONGER_THAN_A_SESSION_MS = [12_000, 15_000] as const;
const HOUR_MS = 3_600_000;

export const FAULT_KINDS: readonly FaultKind[] = [...new Set(DECK)];

/** `count` faults of these kinds, the whole deck of them before it is shuffled again. */
export function drawFaults(
  count: number,
  kinds: readonly FaultKind[],
  instances: readonly Instance[],
  random: Random,
): Fault[] {
  const deck = DECK.filter((kind) => kinds.includes(kind));
  return random.dealt(deck, count).map((kind) => draw(kind, instances, random));
}

function draw(kind: FaultKind, instances: readonly Instance[], random: Random): Fault {
  const instance = random.pick(instances).name;
  const forMs = random.between(...LONGER_THAN_A_SESSION_MS);
  const link = random.pick(['postgres', 'broker', 'targets', 'services'] as const);
  switch (kind) {
    case 'kill-service':
    case 'leave-group':
      return { kind, instance };
    case 'pause-service':
      return { kind, instance, forMs };
    case 'kill-postgres':
    case 'kill-broker':
      return { kind };
    case 'pause-postgres':
    case 'pause-broker':
      return { kind, forMs: random.between(2_000, 12_000) };
    case 'fill-queue':
      return { kind, service: random.pick(['enrichment', 'case', 'ingest'] as const), alerts: 600, forMs: 4_000 };
    case 'cut-connections':
      return { kind, link };
    case 'cut-responses':
      return { kind, link, count: random.between(1, 6) };
    case 'move-clock':
      return { kind, service: random.pick(SERVICES), byMs: random.pick([-2, -0.25, 0.25, 2, 30]) * HOUR_MS };
  }
}

/** In words, for the log of faults. */
export function describeFault(fault: Fault): string {
  const { kind, ...rest } = fault;
  return [kind, ...Object.entries(rest).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/**
 * Does it, and resolves when it is over. What it has killed is started again by its launcher.
 * @param burst sends so many alerts at once.
 */
export async function inflict(fault: Fault, site: Site, burst: (alerts: number) => void): Promise<void> {
  const { cluster, control, proxies } = site;
  switch (fault.kind) {
    case 'kill-service':
      return signal(pidOf(site, fault.instance), 'SIGKILL');
    case 'leave-group':
      return signal(pidOf(site, fault.instance), 'SIGTERM');
    case 'pause-service':
      return freeze([pidOf(site, fault.instance)], fault.forMs);
    case 'kill-postgres':
      return signal(cluster.database?.server.pid, 'SIGKILL');
    case 'kill-broker':
      return signal(cluster.broker.pid, 'SIGKILL');
    case 'pause-postgres':
      return freeze(withChildren(cluster.database?.server.pid), fault.forMs);
    case 'pause-broker':
      return freeze([cluster.broker.pid], fault.forMs);
    case 'fill-queue': {
      const all = site.instances.filter(({ service }) => service === fault.service).map(({ pid }) => pid);
      burst(fault.alerts);
      return freeze(all, fault.forMs);
    }
    case 'cut-connections':
      for (const proxy of proxies.get(fault.link) ?? []) proxy.cutAll();
      return;
    case 'cut-responses':
      for (const proxy of proxies.get(fault.link) ?? []) proxy.cutResponses(fault.count);
      return;
    case 'move-clock':
      return control.moveClock(fault.service, fault.byMs);
  }
}

/** Nothing is cut any more; what was killed comes up by itself. A wrong clock keeps nothing from ending: it stays. */
export function heal({ proxies }: Site): void {
  for (const proxy of [...proxies.values()].flat()) proxy.heal();
}

function pidOf({ instances }: Site, name: string): number | undefined {
  return instances.find((instance) => instance.name === name)?.pid;
}

/** PostgreSQL serves each connection by a process of its own, which a stopped postmaster does not stop. */
function withChildren(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const file = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : [];
  return [pid, ...children];
}

async function freeze(pids: readonly (number | undefined)[], forMs: number): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGSTOP');
  await pause(forMs);
  for (const pid of pids) signal(pid, 'SIGCONT');
}

/** It may have been killed a moment ago, and not be started again yet. */
function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined || !isAlive(pid)) return;
  process.kill(pid, name);
}
