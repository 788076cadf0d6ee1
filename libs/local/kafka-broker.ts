import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';
import { withFileLock } from './file-lock';
import { freePort } from './free-port';
import { isContainerRunning, startContainer, stopContainer } from './kafka-container';
import { ensureKafkaJars } from './kafka-jars';
import { acceptsConnections, answersKafka } from './kafka-probe';
import { launchKafka } from './kafka-process';
import { findKafkaProvider, type KafkaProvider } from './kafka-provider';
import { isAlive, processIdentity } from './process-identity';

export interface KafkaBrokerOptions {
  /** Holds everything of this broker, its messages included; made when missing. */
  readonly dataDir: string;
  /** On 127.0.0.1; when it is taken, or not given, another one. An adopted broker keeps its own. */
  readonly port?: number;
  /** Is told what takes time. */
  readonly progress?: (message: string) => void;
}

/** A broker: the one that KAFKA_BROKERS names, or one of our own, of a single node. */
export interface KafkaBroker {
  /** `host:port` of each. */
  readonly brokers: readonly string[];
  readonly kind: KafkaProvider['kind'];
  /** True when it ran already: who had started it is gone (kill -9), or shares it with us. */
  readonly adopted: boolean;
  /** Of the process, when it is one of ours. */
  readonly pid?: number;
  /** Ends it and keeps what it holds. Does nothing to a broker of KAFKA_BROKERS. */
  stop(): Promise<void>;
}

/** What `kafka.json` in the data folder tells of the broker that was started there last. */
interface Started {
  readonly port: number;
  readonly controllerPort: number;
  readonly pid?: number;
  /** `processIdentity` of the pid: the number alone may be another program's by now. */
  readonly identity?: string;
  readonly container?: { readonly docker: string; readonly name: string };
}

type JavaProvider = Extract<KafkaProvider, { kind: 'java' }>;

const STATE_FILE = 'kafka.json';
const START_TIMEOUT_MS = 60_000;
/** Another process may be downloading. */
const LOCK_TIMEOUT_MS = 10 * 60_000;

/**
 * Finds, adopts or starts a broker; `findKafkaProvider` tells the order. Like the embedded database it gets a process
 * group of its own, so that Ctrl-C reaches us first and the broker last.
 * @throws DomainError('broker_missing') when there is no way to get one, saying what to install.
 * @throws DomainError('bus_unavailable') when it does not come up; the message holds its last words.
 */
export async function startKafkaBroker(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const provider = findKafkaProvider();
  if (provider.kind === 'environment') return adoptEnvironment(provider.brokers);
  const folder = resolve(options.dataDir);
  mkdirSync(folder, { recursive: true });
  return withFileLock(join(folder, 'start.lock'), () => adoptOrStart(provider, folder, options), LOCK_TIMEOUT_MS);
}

/** Stops the broker of the folder if one runs, without starting anything. Resolves to whether one ran. */
export async function stopKafkaBroker(dataDir: string): Promise<boolean> {
  const folder = resolve(dataDir);
  if (!existsSync(folder)) return false;
  return withFileLock(join(folder, 'start.lock'), () => end(folder, recall(folder)), LOCK_TIMEOUT_MS);
}

async function adoptEnvironment(brokers: readonly string[]): Promise<KafkaBroker> {
  const reached = await Promise.all(
    brokers.map((broker) => {
      const [host = '', port] = broker.split(/:(?=\d+$)/);
      return acceptsConnections(Number(port ?? 9092), host);
    }),
  );
  if (!reached.includes(true)) {
    throw new DomainError('bus_unavailable', {
      field: 'KAFKA_BROKERS',
      reason: `nothing listens at ${brokers.join(', ')}; start that broker, or unset KAFKA_BROKERS to get a local one`,
    });
  }
  return { brokers, kind: 'environment', adopted: true, stop: () => Promise.resolve() };
}

async function adoptOrStart(
  provider: Exclude<KafkaProvider, { kind: 'environment' }>,
  folder: string,
  { port: wanted, progress = () => undefined }: KafkaBrokerOptions,
): Promise<KafkaBroker> {
  const handle = (started: Started, adopted: boolean): KafkaBroker => ({
    brokers: [`127.0.0.1:${started.port}`],
    kind: provider.kind,
    adopted,
    pid: started.pid,
    stop: async () => void (await end(folder, started)),
  });
  const known = recall(folder);
  if (known && (await isRunning(known)) && (await untilAnswering(known))) return handle(known, true);
  await end(folder, known);

  const port = await freePort(wanted ?? known?.port);
  const controllerPort = await freePort(known?.controllerPort);
  const started =
    provider.kind === 'java'
      ? await startProcess(provider, folder, port, controllerPort, progress)
      : await startInContainer(provider.docker, folder, port, controllerPort, progress);
  writeFileSync(join(folder, STATE_FILE), JSON.stringify(started));
  if (await untilAnswering(started)) return handle(started, false);
  await end(folder, started);
  throw new DomainError('bus_unavailable', `Kafka did not start; the end of its log:\n${lastWords(folder)}`);
}

async function startProcess(
  { java, maven }: JavaProvider,
  folder: string,
  port: number,
  controllerPort: number,
  progress: (message: string) => void,
): Promise<Started> {
  const jars = await ensureKafkaJars(maven, progress);
  progress('starting Kafka');
  const pid = await launchKafka({ java, jars, folder, port, controllerPort });
  return { port, controllerPort, pid, identity: processIdentity(pid) };
}

async function startInContainer(
  docker: string,
  folder: string,
  port: number,
  controllerPort: number,
  progress: (message: string) => void,
): Promise<Started> {
  const name = `countersign-kafka-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  progress('starting Kafka in a container (downloading its image at the first time)');
  await startContainer(docker, name, port);
  return { port, controllerPort, container: { docker, name } };
}

async function isRunning({ pid, identity, container }: Started): Promise<boolean> {
  if (container) return isContainerRunning(container.docker, container.name);
  return pid !== undefined && identity !== undefined && processIdentity(pid) === identity;
}

/** False when it ends before it answers, or does not answer in time. */
async function untilAnswering(started: Started): Promise<boolean> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (await answersKafka(started.port)) return true;
    if (!(await isRunning(started))) return false;
    await delay(50);
  }
  return false;
}

/** Resolves to whether it ran. */
async function end(folder: string, started: Started | undefined): Promise<boolean> {
  if (!started || !(await isRunning(started))) return false;
  if (started.container) await stopContainer(started.container.docker, started.container.name);
  else if (started.pid !== undefined) await endProcess(started.pid);
  rmSync(join(folder, STATE_FILE), { force: true });
  return true;
}

async function endProcess(pid: number): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGTERM', 6_000],
    ['SIGKILL', 4_000],
  ] as const) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    const deadline = performance.now() + patienceMs;
    while (isAlive(pid) && performance.now() < deadline) await delay(20);
  }
}

function recall(folder: string): Started | undefined {
  let state: unknown;
  try {
    state = JSON.parse(readFileSync(join(folder, STATE_FILE), 'utf8'));
  } catch {
    // Never started, stopped, or cut off while it wrote the file: all the same to who wants to start.
    return undefined;
  }
  const valid = typeof state === 'object' && state !== null && 'port' in state && typeof state.port === 'number';
  return valid ? (state as Started) : undefined;
}

function lastWords(folder: string): string {
  const log = join(folder, 'kafka.log');
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-8).join('\n') : '(none)';
}
