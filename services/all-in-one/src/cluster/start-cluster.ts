import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ServiceName } from '#contracts/envelope';
import { createTopics } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import {
  endRecordedProcesses,
  type FileLock,
  type LocalDatabase,
  lockDataFolder,
  NODE_ARGUMENTS,
  repositoryRoot,
  SupervisedProcess,
} from '#libs/local';
import { createLogger, loadConfig, type ServiceDefinition, shutDown, SHUTDOWN_MS } from '#libs/service';
import { type LaunchedDatabase, launchDatabase, type Launch, type LaunchOptions, settle } from '../local-environment';
import { choosePorts, type Ports, portVariables, urlOn } from '../ports';
import { definitions as allDefinitions } from '../services';
import { keepBroker, type KeptBroker } from './kept-broker';
import { LogFollower } from './log-follower';

export interface Cluster {
  readonly gatewayUrl: string;
  readonly dataFolder: string;
  readonly services: ReadonlyMap<ServiceName, ClusterService>;
  readonly broker: Pick<KeptBroker, 'brokers' | 'pid'>;
  /** The database, when it is ours. */
  readonly database: LocalDatabase | undefined;
  /** The variables that the services share. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The services, then the broker, then the database, within 10 s. Idempotent. */
  stop(): Promise<void>;
}

/** A service in a process of its own. `<data>/processes/<service>.json` holds its process id too. */
export interface ClusterService {
  readonly name: ServiceName;
  readonly url: string;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly logFile: string;
}

/** All that has been started, for stopping it again. */
interface Started {
  readonly lock: FileLock;
  readonly processes: Map<ServiceName, SupervisedProcess>;
  readonly followers: LogFollower[];
  broker?: KeptBroker;
  database?: LaunchedDatabase;
}

const READY_TIMEOUT_MS = 120_000;
/** A little less than what a supervisor allows. */
const STOP_MS = SHUTDOWN_MS - 400;
const DATABASE_STOP_MS = 1_300;

/**
 * Countersign as a large SOC runs it: Kafka (KAFKA_BROKERS, or one of our own), PostgreSQL (LEDGER_URL, or the embedded
 * one), and each service as an operating-system process of its own, started again whenever it dies.
 * @throws DomainError('broker_missing') saying what to install; the others as `startAllInOne`.
 */
export async function startCluster(
  options: LaunchOptions = {},
  definitions: readonly ServiceDefinition[] = allDefinitions,
): Promise<Cluster> {
  const launch = settle(options);
  const started: Started = { lock: await lockDataFolder(launch.folder), processes: new Map(), followers: [] };
  const logger = createLogger('info', join(launch.folder.logs, 'cluster.log'));
  const report = (message: string): void => {
    logger.warn(message);
    if (!options.quiet) process.stderr.write(`cluster: ${message}\n`);
  };
  let ending: Promise<void> | undefined;
  const stop = (): Promise<void> => (ending ??= stopAll(started, logger));
  try {
    const left = await endRecordedProcesses(launch.folder.processes);
    if (left.length > 0) report(`ended what an earlier launcher had left: ${left.join(', ')}`);
    const ports = await choosePorts(definitions, launch.environment, options.ports === 'free');
    started.broker = await keepBroker(launch.folder.kafka, launch.progress, report);
    started.database = await launchDatabase(launch, definitions, 'services', report);
    const environment = environmentOf(launch, started.broker, ports);
    await makeTopics(definitions, environment, started.database, logger);
    launch.progress('starting the services');
    await startServices(definitions, environment, launch, started, ports, report);
    return {
      gatewayUrl: urlOn(ports.get('gateway')),
      dataFolder: launch.folder.root,
      services: servicesOf(launch, started, ports),
      broker: started.broker,
      database: started.database.local,
      environment,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Each service gets a LEDGER_URL with its own login on top of these. The owner's login goes to none of them. */
function environmentOf(launch: Launch, broker: KeptBroker, ports: Ports): Record<string, string | undefined> {
  return {
    ...launch.environment,
    ...portVariables(ports),
    MIGRATION_URL: undefined,
    COUNTERSIGN_PROFILE: launch.profile,
    COUNTERSIGN_DATA: launch.folder.root,
    COUNTERSIGN_BUS: 'kafka',
    KAFKA_BROKERS: broker.brokers.join(','),
  };
}

async function makeTopics(
  [first]: readonly ServiceDefinition[],
  environment: Record<string, string | undefined>,
  database: LaunchedDatabase,
  logger: Logger,
): Promise<void> {
  if (!first) return;
  const { settings } = loadConfig(first, { ...environment, LEDGER_URL: database.urlFor(first.name) });
  if (settings.kafka) await createTopics(settings.kafka, {}, logger);
}

/** All at once: each waits by itself for what it needs. */
async function startServices(
  definitions: readonly ServiceDefinition[],
  environment: Record<string, string | undefined>,
  launch: Launch,
  started: Started,
  ports: Ports,
  report: (message: string) => void,
): Promise<void> {
  const { database, processes, followers } = started;
  const starts = definitions.map(async ({ name }) => {
    const program = join(repositoryRoot, 'dist', 'services', name, 'src', 'main.js');
    if (!existsSync(program)) {
      throw new DomainError('invalid_configuration', { reason: `${program} is missing; run npm run build first` });
    }
    const logFile = logFileOf(launch, name);
    followers.push(new LogFollower(logFile, (line) => report(`${name}: ${line}`)));
    const supervised = new SupervisedProcess({
      name,
      command: process.execPath,
      args: [...NODE_ARGUMENTS, program],
      env: { ...environment, LEDGER_URL: database?.urlFor(name) },
      cwd: repositoryRoot,
      logFile,
      records: launch.folder.processes,
      isReady: () => isReady(urlOn(ports.get(name))),
      report,
    });
    processes.set(name, supervised);
    await supervised.start(READY_TIMEOUT_MS);
    launch.progress(`${name} is up`);
  });
  const failed = (await Promise.allSettled(starts)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

function servicesOf(launch: Launch, { processes }: Started, ports: Ports): Map<ServiceName, ClusterService> {
  return new Map(
    [...processes].map(([name, supervised]) => [
      name,
      {
        name,
        url: urlOn(ports.get(name)),
        logFile: logFileOf(launch, name),
        get pid() {
          return supervised.pid;
        },
        get restarts() {
          return supervised.restarts;
        },
      },
    ]),
  );
}

/** Each process is killed a little before its step's budget is spent; what the services leave of it is the broker's. */
async function stopAll({ lock, processes, followers, broker, database }: Started, logger: Logger): Promise<void> {
  const begun = performance.now();
  const others = [...processes.values()].filter(({ name }) => name !== 'gateway' && name !== 'ledger');
  await shutDown(
    [
      { name: 'gateway', budgetMs: 1_500, run: () => processes.get('gateway')?.stop(1_200) },
      { name: 'services', budgetMs: 3_000, run: () => Promise.all(others.map((process) => process.stop(2_700))) },
      { name: 'ledger', budgetMs: 1_500, run: () => processes.get('ledger')?.stop(1_200) },
      { name: 'logs', budgetMs: 100, run: () => followers.forEach((follower) => follower.stop()) },
    ],
    logger,
  );
  const left = STOP_MS - (performance.now() - begun);
  await shutDown(
    [
      { name: 'broker', budgetMs: left - DATABASE_STOP_MS, run: () => broker?.stop() },
      { name: 'database', budgetMs: DATABASE_STOP_MS, run: () => database?.local?.stop() },
      { name: 'data folder', budgetMs: 100, run: () => lock.release() },
    ],
    logger,
  );
}

function logFileOf(launch: Launch, name: ServiceName): string {
  return join(launch.folder.logs, `${name}.log`);
}
