import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { bodiesOf, Sender } from './alert-load';
import { AlertMix } from './alert-mix';
import { AlertOutcomes } from './alert-outcomes';
import { CpuMeter } from './cpu-time';
import { benchResult, median, numberArgument, printReport, runBench } from './report';
import { type Competitor, inRounds } from './rounds';
import { onRunningSystem, type RunningSystem } from './running-system';

const CONNECTIONS = 4;

/** By name: the share of the traces that is recorded; undefined where tracing is off. */
const MODES: readonly (readonly [string, string | undefined])[] = [
  ['off', undefined],
  ['1.0', '1'],
  ['0.01', '0.01'],
];

interface Turn {
  /** Of the process with all services; of PostgreSQL too. */
  readonly microsAnAlert: number;
  readonly microsWithDatabase: number;
  readonly alertsASecond: number;
  readonly spansAnAlert: number;
}

/**
 * What tracing costs: three systems that differ in nothing else, each all in one process, the same load on each in turn.
 *
 * @param args `--alerts=N` of a turn, `--rounds=N`
 */
async function main(args: readonly string[]): Promise<void> {
  const alerts = numberArgument(args, 'alerts', 10_000);
  const rounds = numberArgument(args, 'rounds', 5);
  const collector = await startCollector();
  const measured = await onSystems(MODES, collector, alerts, [], (turns) => inRounds('tracing', rounds, turns));
  collector.server.close();
  const of = (name: string, value: keyof Turn) => median((measured.get(name) ?? []).map((turn) => turn[value]));
  const results = MODES.flatMap(([name, ratio]) => {
    const against = (value: keyof Turn) => (ratio === undefined ? undefined : { off: of('off', value) });
    const row = (what: string, unit: string, value: keyof Turn, better: 'higher' | 'lower') =>
      benchResult(`${name} ${what}`, unit, of(name, value), against(value) ?? {}, better);
    return [
      row('cpu', 'µs/alert', 'microsAnAlert', 'lower'),
      row('cpu with postgres', 'µs/alert', 'microsWithDatabase', 'lower'),
      row('throughput', 'alerts/s', 'alertsASecond', 'higher'),
      benchResult(`${name} spans`, 'spans/alert', of(name, 'spansAnAlert'), {}),
    ];
  });
  printReport('tracing', results, args);
}

/** Starts a system for each mode beside the others, and runs `work` on all of them. */
async function onSystems<Result>(
  [mode, ...further]: typeof MODES,
  collector: Collector,
  alerts: number,
  turns: readonly Competitor<Turn>[],
  work: (turns: readonly Competitor<Turn>[]) => Promise<Result>,
): Promise<Result> {
  if (mode === undefined) return work(turns);
  const [name, ratio] = mode;
  const environment: Readonly<Record<string, string>> =
    ratio === undefined
      ? { OTEL_EXPORTER_OTLP_ENDPOINT: '' }
      : {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
          OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
          OTEL_TRACES_SAMPLER_ARG: ratio,
        };
  const options = { mode: 'embedded', instances: 1, partitions: 1, environment } as const;
  return onRunningSystem(options, async (system) => {
    const loaded = await LoadedSystem.of(name, system, collector);
    try {
      // What runs for the first time runs slowly, and is not what tracing costs.
      await loaded.take(alerts);
      return await onSystems(further, collector, alerts, [...turns, { name, run: () => loaded.take(alerts) }], work);
    } finally {
      await loaded.close();
    }
  });
}

class LoadedSystem {
  private sent = 0;

  private constructor(
    private readonly name: string,
    private readonly mix: AlertMix,
    private readonly system: RunningSystem,
    private readonly outcomes: AlertOutcomes,
    private readonly meter: CpuMeter,
    private readonly collector: Collector,
  ) {}

  static async of(name: string, system: RunningSystem, collector: Collector): Promise<LoadedSystem> {
    const outcomes = await AlertOutcomes.of(system);
    const meter = new CpuMeter(system.processes);
    return new LoadedSystem(name, new AlertMix('tracing'), system, outcomes, meter, collector);
  }

  /** Sends so many alerts as fast as they are taken, and waits until all of them are done with. */
  async take(alerts: number): Promise<Turn> {
    const bodies = bodiesOf(this.mix, this.sent, alerts);
    this.sent += alerts;
    this.meter.restart();
    const spans = this.collector.spans;
    const begun = performance.now();
    // Connections of its own: while the others have their turn, the server closes those that are idle.
    const sender = new Sender(this.system, CONNECTIONS);
    await sender.sendAll(bodies);
    await sender.close();
    await this.outcomes.untilDecided(this.sent);
    const seconds = (performance.now() - begun) / 1_000;
    await this.outcomes.untilSettled();
    const used = this.meter.used();
    const own = used.get('all-in-one') ?? NaN;
    const turn = {
      microsAnAlert: own / alerts,
      microsWithDatabase: (own + (used.get('postgres') ?? NaN)) / alerts,
      alertsASecond: alerts / seconds,
      spansAnAlert: (this.collector.spans - spans) / alerts,
    };
    process.stderr.write(
      `${this.name}: ${Math.round(turn.microsAnAlert)} µs/alert, ${Math.round(turn.alertsASecond)} alerts/s\n`,
    );
    return turn;
  }

  close(): Promise<void> {
    return this.outcomes.close();
  }
}

interface Collector {
  readonly server: Server;
  readonly endpoint: string;
  spans: number;
}

/** OTLP/HTTP with JSON, as far as it is counted. */
interface ExportRequest {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[] }[];
}

/** Takes spans in and counts them, in this process: what that costs is not measured. */
async function startCollector(): Promise<Collector> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const { resourceSpans }: ExportRequest = JSON.parse(text);
      for (const { scopeSpans } of resourceSpans) {
        for (const { spans } of scopeSpans) collector.spans += spans.length;
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const collector: Collector = { server, endpoint: `http://127.0.0.1:${port}`, spans: 0 };
  return collector;
}

runBench(main);
