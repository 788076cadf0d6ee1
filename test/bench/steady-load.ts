import { setTimeout as wait } from 'node:timers/promises';
import { type AlertMix, PRODUCTS } from './alert-mix';
import type { Sender } from './alert-load';
import type { AlertOutcomes } from './alert-outcomes';

/** Each source sends what it has gathered so often. */
const TICK_MS = 100;
/** Few: each asks the API again and again, which must not become the load itself. */
const PROBES_A_SECOND = 5;
/** Numbers of the mix far from all others, of the first product each, and none of what is sent again. */
const PROBES_FROM = 1_200_000_000;

export interface SteadyLoad {
  readonly alertsPerSecond: number;
  readonly seconds: number;
  /** The number of the first alert of the mix. */
  readonly first: number;
  /** Is called between ticks. */
  readonly onTick?: () => Promise<void>;
}

/** What came of a steady load. */
export interface SteadyOutcome {
  readonly sent: number;
  /** From the sending of an alert until the case that it led to could be read. ms */
  readonly latencies: readonly number[];
  readonly errors: readonly string[];
}

/** Sends alerts at a rate, in NDJSON of a tenth of a second, and measures with some more, one a request. */
export async function sendSteadily(
  sender: Sender,
  mix: AlertMix,
  outcomes: AlertOutcomes,
  load: SteadyLoad,
): Promise<SteadyOutcome> {
  const latencies: number[] = [];
  const errors: string[] = [];
  const pending: Promise<unknown>[] = [];
  const ticks = Math.round((load.seconds * 1_000) / TICK_MS);
  const begun = performance.now();
  let sent = 0;
  let probes = 0;
  const begin = (work: Promise<unknown>) => pending.push(work.catch((error: unknown) => errors.push(String(error))));
  for (let tick = 0; tick < ticks; tick += 1) {
    const due = Math.round(((tick + 1) * TICK_MS * load.alertsPerSecond) / 1_000);
    for (let product = 0; product < PRODUCTS.length; product += 1) {
      const bytes = mix.lines(product, load.first + sent, due - sent);
      if (bytes.length > 0) begin(sender.sendAll([{ product, bytes, alerts: 0 }]));
    }
    sent = due;
    if (Math.floor((tick * TICK_MS * PROBES_A_SECOND) / 1_000) >= probes) {
      begin(measured(sender, mix.alert(PROBES_FROM + 120 * (load.first + probes)), outcomes, latencies));
      probes += 1;
    }
    await load.onTick?.();
    const early = begun + (tick + 1) * TICK_MS - performance.now();
    if (early > 0) await wait(early);
  }
  await Promise.all(pending);
  return { sent: sent + probes, latencies, errors };
}

async function measured(
  sender: Sender,
  alert: ReturnType<AlertMix['alert']>,
  outcomes: AlertOutcomes,
  latencies: number[],
): Promise<void> {
  const begun = performance.now();
  await outcomes.untilReadable(await sender.sendOne(0, JSON.stringify(alert)));
  latencies.push(performance.now() - begun);
}
