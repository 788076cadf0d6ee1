import { AlertMix } from './alert-mix';
import { bodiesOf, Sender } from './alert-load';
import { AlertOutcomes } from './alert-outcomes';
import { type BenchResult, benchResult, median, numberArgument, printReport, quantile, runBench } from './report';
import { onRunningSystem, type RunningSystem } from './running-system';
import { SoakRecord } from './soak-record';
import { sendSteadily } from './steady-load';

const CONNECTIONS = 8;
const WARM_UP = 6_000;
const SAMPLE_MS = 5_000;
/** Of what was measured as the capacity. */
const SHARE = 0.7;

/**
 * A steady load for long: whether lag and memory stay as they are, and whether anything goes wrong.
 *
 * @param args `--minutes=N`, `--capacity=N` alerts/s (measured first when it is not given), `--alerts=N` to measure it with,
 * `--mode=embedded`, `--instances=N`, `--partitions=N`
 */
async function main(args: readonly string[]): Promise<void> {
  const options = {
    mode: args.includes('--mode=embedded') ? ('embedded' as const) : ('kafka' as const),
    instances: numberArgument(args, 'instances', 1),
    partitions: numberArgument(args, 'partitions', 6),
  };
  const minutes = numberArgument(args, 'minutes', 30);
  const alerts = numberArgument(args, 'alerts', 60_000);
  const results = await onRunningSystem(options, (system) =>
    soak(system, { minutes, alerts, capacity: numberArgument(args, 'capacity', 0) }),
  );
  printReport('soak', results, args);
}

async function soak(
  system: RunningSystem,
  { minutes, alerts, capacity: given }: { minutes: number; alerts: number; capacity: number },
): Promise<BenchResult[]> {
  const outcomes = await AlertOutcomes.of(system);
  const sender = new Sender(system, CONNECTIONS);
  const mix = new AlertMix('soak');
  await sender.sendAll(bodiesOf(mix, 0, WARM_UP));
  await outcomes.untilDecided(WARM_UP);
  const measuring = given > 0 ? 0 : alerts;
  const begun = performance.now();
  await sender.sendAll(bodiesOf(mix, WARM_UP, measuring));
  await outcomes.untilDecided(WARM_UP + measuring);
  const capacity = given > 0 ? given : measuring / ((performance.now() - begun) / 1_000);
  await outcomes.untilSettled();

  const record = new SoakRecord(system, outcomes);
  let nextSample = performance.now();
  const alertsPerSecond = capacity * SHARE;
  process.stderr.write(`soak: ${Math.round(alertsPerSecond)} alerts/s for ${minutes} minutes\n`);
  const steady = await sendSteadily(sender, mix, outcomes, {
    ...{ alertsPerSecond, seconds: minutes * 60, first: WARM_UP + measuring },
    onTick: async () => {
      if (performance.now() < nextSample) return;
      nextSample += SAMPLE_MS;
      await record.sample();
    },
  });
  await outcomes.untilSettled();
  const deadLetters = await outcomes.deadLetters();
  const { total } = await outcomes.account();
  await sender.close();
  await outcomes.close();
  const { received, pending, ...decided } = total;
  const unbalanced = received - Object.values(decided).reduce((sum, count) => sum + count, 0) - pending;
  const figure = (name: string, unit: string, value: number) => benchResult(name, unit, value, {}, 'lower');
  return [
    benchResult('sent', 'alerts/s', steady.sent / (minutes * 60), { capacity }),
    figure('errors', 'count', steady.errors.length + record.failures),
    figure('dead letters', 'count', deadLetters),
    figure('alerts without an outcome', 'count', unbalanced + pending),
    figure('p50', 'ms', median(steady.latencies)),
    figure('p99', 'ms', quantile(steady.latencies, 0.99)),
    ...record.results(),
  ];
}

runBench(main);
