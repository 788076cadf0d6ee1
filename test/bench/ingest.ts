import { Kafka, logLevel, type Message, type Producer } from 'kafkajs';
import { ALERT_TOPICS } from '../../contracts/topics';
import { AlertMix, PRODUCTS } from './alert-mix';
import { type Body, bodiesOf, Sender } from './alert-load';
import { CpuMeter } from './cpu-time';
import { type BenchResult, benchResult, median, numberArgument, printReport, quantile, runBench } from './report';
import { inRounds } from './rounds';
import { onRunningSystem, type RunningSystem } from './running-system';

const CONNECTIONS = 4;
/** As our publisher sends them. */
const RAW_BATCH = { messages: 2_000, bytes: 700_000 };
const RAW_TOPIC = 'bench.raw';

interface Measured {
  readonly perSecond: number;
  /** Microseconds of processor time an alert, by who used it. */
  readonly micros: ReadonlyMap<string, number>;
}

/**
 * How many alerts a second ingest takes: of NDJSON, against kafkajs that produces the very messages that came of it; and
 * one alert a request.
 *
 * @param args `--alerts=N` a round, `--rounds=N`, `--singles=N`, `--clients=N`, `--partitions=N`
 */
async function main(args: readonly string[]): Promise<void> {
  const [count, rounds] = [numberArgument(args, 'alerts', 60_000), numberArgument(args, 'rounds', 3)];
  const [singles, clients] = [numberArgument(args, 'singles', 40_000), numberArgument(args, 'clients', 64)];
  const partitions = numberArgument(args, 'partitions', 6);
  const options = { mode: 'kafka', instances: 1, partitions, services: ['ingest'] } as const;
  await onRunningSystem(options, async (system) => {
    const kafka = new Kafka({ clientId: 'bench', brokers: [...system.brokers], logLevel: logLevel.ERROR });
    const results = [
      ...(await ndjson(system, kafka, { count, rounds, partitions })),
      ...(await single(system, { count: singles, clients })),
    ];
    printReport('ingest', results, args);
  });
}

async function ndjson(
  system: RunningSystem,
  kafka: Kafka,
  { count, rounds, partitions }: { count: number; rounds: number; partitions: number },
): Promise<BenchResult[]> {
  const mix = new AlertMix('ndjson');
  const sender = new Sender(system, CONNECTIONS);
  // What runs for the first time runs slowly, and is not what is measured.
  await sender.sendAll(bodiesOf(mix, 0, 12_000));
  await makeTopic(kafka, partitions);
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  await producer.connect();

  let next = 12_000;
  let bodies: Body[] = [];
  const meter = new CpuMeter(system.processes);
  const timed = async (work: () => Promise<unknown>): Promise<Measured> => {
    meter.restart();
    const start = performance.now();
    await work();
    const seconds = (performance.now() - start) / 1_000;
    const micros = new Map([...meter.used()].map(([name, used]) => [name, used / count]));
    return { perSecond: count / seconds, micros };
  };
  let batches: Message[][] = [];
  const measured = await inRounds(
    'ndjson',
    rounds,
    [
      { name: 'ours', run: () => timed(() => sender.sendAll(bodies)) },
      { name: 'raw-kafkajs', run: () => timed(() => produceAll(producer, batches)) },
    ],
    async () => {
      bodies = bodiesOf(mix, next, count);
      next += count;
      batches = inBatches(await messagesOf(kafka, count));
    },
  );
  await producer.disconnect();
  await sender.close();
  return resultsOf('ndjson', measured);
}

function resultsOf(name: string, measured: ReadonlyMap<string, readonly Measured[]>): BenchResult[] {
  const of = (who: string) => measured.get(who) ?? [];
  const rate = (who: string) => median(of(who).map(({ perSecond }) => perSecond));
  const micros = (who: string, process: string) => median(of(who).map((one) => one.micros.get(process) ?? 0));
  const sum = (who: string) => median(of(who).map((one) => [...one.micros.values()].reduce((a, b) => a + b, 0)));
  const processes = [...(of('ours')[0]?.micros.keys() ?? [])];
  return [
    benchResult(name, 'alerts/s', rate('ours'), { 'raw-kafkajs': rate('raw-kafkajs') }),
    benchResult(`${name} cpu`, 'µs/alert', sum('ours'), { 'raw-kafkajs': sum('raw-kafkajs') }, 'lower'),
    ...processes.map((process) =>
      benchResult(
        `${name} cpu ${process}`,
        'µs/alert',
        micros('ours', process),
        {
          ...(micros('raw-kafkajs', process) > 0 && { 'raw-kafkajs': micros('raw-kafkajs', process) }),
        },
        'lower',
      ),
    ),
  ];
}

async function makeTopic(kafka: Kafka, numPartitions: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic: RAW_TOPIC, numPartitions, replicationFactor: 1 }],
    waitForLeaders: true,
  });
  await admin.disconnect();
}

/** What ingest has made of the alerts that it was sent, byte for byte, headers and keys included. */
async function messagesOf(kafka: Kafka, count: number): Promise<Message[]> {
  const consumer = kafka.consumer({ groupId: `bench-${Date.now()}`, maxBytesPerPartition: 8 * 1024 * 1024 });
  const messages: Message[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: Object.values(ALERT_TOPICS), fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: ({ batch }) => {
          for (const { key, value, headers } of batch.messages) messages.push({ key, value, headers });
          if (messages.length >= 10_000) resolve();
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return Array.from({ length: count }, (_, index) => messages[index % messages.length] ?? { value: null });
}

function inBatches(messages: readonly Message[]): Message[][] {
  const batches: Message[][] = [[]];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    if (bytes + size > RAW_BATCH.bytes || (batches.at(-1)?.length ?? 0) >= RAW_BATCH.messages) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(message);
    bytes += size;
  }
  return batches;
}

function sizeOf({ key, value, headers = {} }: Message): number {
  const inHeaders = Object.entries(headers).reduce(
    (sum, [name, text]) => sum + name.length + String(text).length + 4,
    0,
  );
  return Buffer.byteLength(key ?? '') + Buffer.byteLength(value ?? '') + inHeaders;
}

async function produceAll(producer: Producer, batches: readonly Message[][]): Promise<void> {
  for (const messages of batches)
    await producer.sendBatch({ acks: -1, topicMessages: [{ topic: RAW_TOPIC, messages }] });
}

/** One alert a request, on connections that are kept. */
async function single(
  system: RunningSystem,
  { count, clients }: { count: number; clients: number },
): Promise<BenchResult[]> {
  const mix = new AlertMix('single');
  const alerts = Array.from({ length: count }, (_, number) => JSON.stringify(mix.alert(number)));
  const sender = new Sender(system, clients);
  const took: number[] = [];
  let next = 0;
  const client = async (until: number): Promise<void> => {
    for (let number = next++; number < until; number = next++) {
      const start = performance.now();
      await sender.sendOne(number % PRODUCTS.length, alerts[number] ?? '');
      took.push(performance.now() - start);
    }
    next -= 1;
  };
  const all = (until: number) => Promise.all(Array.from({ length: clients }, () => client(until)));
  const warmUp = Math.min(4_000, count / 4);
  await all(warmUp);
  took.length = 0;
  const meter = new CpuMeter(system.processes);
  const start = performance.now();
  await all(count);
  const seconds = (performance.now() - start) / 1_000;
  const alertsSent = took.length;
  await sender.close();
  return [
    benchResult('single', 'alerts/s', alertsSent / seconds, {}),
    benchResult('single p50', 'ms', quantile(took, 0.5), {}, 'lower'),
    benchResult('single p99', 'ms', quantile(took, 0.99), {}, 'lower'),
    ...[...meter.used()].map(([name, used]) =>
      benchResult(`single cpu ${name}`, 'µs/alert', used / alertsSent, {}, 'lower'),
    ),
  ];
}

runBench(main);
