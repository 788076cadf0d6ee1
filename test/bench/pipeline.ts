import { Client } from 'pg';
import { LEAF_STORAGE } from '../../libs/event-store';
import { AlertMix } from './alert-mix';
import { bodiesOf, Sender } from './alert-load';
import { AlertOutcomes } from './alert-outcomes';
import { CpuMeter } from './cpu-time';
import { type BenchResult, benchResult, numberArgument, printReport, quantile, runBench } from './report';
import { onRunningSystem, type RunningSystem, type SystemOptions } from './running-system';
import { sendSteadily } from './steady-load';

const CONNECTIONS = 4;
const RAW_BATCH = 500;
const RAW_CLIENTS = 4;
const RAW_ROWS = 30_000;

interface Load {
  readonly alerts: number;
  /** Of the steady load at half of what was sustained. */
  readonly seconds: number;
}

/**
 * How many alerts a second go all the way: in over HTTP, enriched, correlated, and their case readable in the API. Over
 * Kafka with a process for each service, and in one process; against raw pg, which inserts the rows that came of it.
 *
 * @param args `--alerts=N`, `--seconds=N`, `--only=kafka|embedded`, `--instances=N` of enrichment and case,
 * `--partitions=N`, `--services=NAME,NAME`
 */
async function main(args: readonly string[]): Promise<void> {
  const load = { alerts: numberArgument(args, 'alerts', 60_000), seconds: numberArgument(args, 'seconds', 20) };
  const text = (name: string) => args.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1];
  const only = text('only');
  const results: BenchResult[] = [];
  for (const mode of ['embedded', 'kafka'] as const) {
    if (only !== undefined && only !== mode) continue;
    const options: SystemOptions = {
      mode,
      instances: numberArgument(args, 'instances', 1),
      partitions: numberArgument(args, 'partitions', 6),
      services: mode === 'kafka' ? text('services')?.split(',') : undefined,
    };
    results.push(...(await onRunningSystem(options, (system) => measure(mode, system, load))));
  }
  printReport('pipeline', results, args);
}

async function measure(name: string, system: RunningSystem, { alerts, seconds }: Load): Promise<BenchResult[]> {
  const outcomes = await AlertOutcomes.of(system);
  const sender = new Sender(system, CONNECTIONS);
  const mix = new AlertMix(name);
  // What runs for the first time runs slowly, and is not what is measured.
  const warmUp = Math.min(6_000, alerts);
  await sender.sendAll(bodiesOf(mix, 0, warmUp));
  await outcomes.untilDecided(warmUp);
  await outcomes.untilSettled();
  process.stderr.write(`${name}: warm\n`);

  const bodies = bodiesOf(mix, warmUp, alerts);
  const meter = new CpuMeter(system.processes);
  const begun = performance.now();
  const since = () => (performance.now() - begun) / 1_000;
  await sender.sendAll(bodies);
  const accepted = alerts / since();
  await outcomes.untilDecided(warmUp + alerts);
  const sustained = alerts / since();
  await outcomes.untilSettled();
  const settled = alerts / since();
  const used = [...meter.used()].map(([who, micros]) => [who, micros / alerts] as const);
  const raw = await rawInserts(system, outcomes, warmUp + alerts);
  process.stderr.write(`${name}: ${Math.round(sustained)} alerts/s\n`);

  meter.restart();
  const steady = await sendSteadily(sender, mix, outcomes, {
    ...{ alertsPerSecond: sustained / 2, seconds, first: warmUp + alerts },
  });
  const usedAtHalf = sum(meter.used().values()) / steady.sent;
  if (steady.errors.length > 0) throw new Error(steady.errors[0]);
  await sender.close();
  await outcomes.close();
  const figure = (part: string, unit: string, value: number) =>
    benchResult(`${name} ${part}`, unit, value, {}, 'lower');
  return [
    benchResult(name, 'alerts/s', sustained, { 'raw-pg': raw }),
    benchResult(`${name} accepted`, 'alerts/s', accepted, {}),
    benchResult(`${name} settled`, 'alerts/s', settled, {}),
    figure('p50 at half', 'ms', quantile(steady.latencies, 0.5)),
    figure('p99 at half', 'ms', quantile(steady.latencies, 0.99)),
    figure('cpu at half', 'µs/alert', usedAtHalf),
    figure('cpu', 'µs/alert', sum(used.map(([, micros]) => micros))),
    ...used.map(([who, micros]) => figure(`cpu ${who}`, 'µs/alert', micros)),
  ];
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, one) => total + one, 0);

/** Alerts whose rows raw pg inserts in a second: in batches, into a table with the same columns, storage and indexes. */
async function rawInserts(system: RunningSystem, outcomes: AlertOutcomes, alerts: number): Promise<number> {
  const rows = await outcomes.eventRows(RAW_ROWS);
  const receipts = rows.filter(({ category }) => category === 'alert').length;
  const clients = await Promise.all(
    Array.from({ length: RAW_CLIENTS }, async () => {
      const client = new Client({ connectionString: system.database.server.url('countersign') });
      await client.connect();
      return client;
    }),
  );
  const [first] = clients;
  await first?.query(`create table public.raw_events (category text, stream text, version int, id uuid, type text,
    schema_version int, tenant text, time timestamptz, actor jsonb, data jsonb, meta jsonb, hash bytea, tx bigint,
    shelf int, position bigint generated always as identity,
    primary key (category, stream, version), unique (category, id)) with (${LEAF_STORAGE})`);
  await first?.query('alter table public.raw_events alter column data set storage external');
  await first?.query('create index on public.raw_events (category, tx, position)');
  const batches = Array.from({ length: Math.ceil(rows.length / RAW_BATCH) }, (_, batch) =>
    columnsOf(rows.slice(batch * RAW_BATCH, (batch + 1) * RAW_BATCH)),
  );
  const begun = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      for (let values = batches.shift(); values !== undefined; values = batches.shift()) {
        await client.query({ name: 'raw', text: RAW_INSERT, values });
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1_000;
  await first?.query('drop table public.raw_events');
  await Promise.all(clients.map((client) => client.end()));
  return Math.min(receipts, alerts) / seconds;
}

const RAW_COLUMNS = {
  ...{ category: 'text', stream: 'text', version: 'int', id: 'uuid', type: 'text', schema_version: 'int' },
  ...{ tenant: 'text', time: 'timestamptz', actor: 'jsonb', data: 'jsonb', meta: 'jsonb', hash: 'bytea' },
  ...{ tx: 'bigint', shelf: 'int' },
} as const;

const RAW_INSERT = `insert into public.raw_events (${Object.keys(RAW_COLUMNS).join(', ')})
  select * from unnest(${Object.values(RAW_COLUMNS)
    .map((type, index) => `$${index + 1}::${type}[]`)
    .join(', ')})`;

function columnsOf(rows: readonly Record<string, unknown>[]): unknown[][] {
  return Object.entries(RAW_COLUMNS).map(([column, type]) =>
    rows.map((row) => (type === 'jsonb' ? JSON.stringify(row[column]) : row[column])),
  );
}

runBench(main);
