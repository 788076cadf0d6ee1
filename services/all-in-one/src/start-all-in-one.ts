import { join } from 'node:path';
import type { ServiceName } from '#contracts/envelope';
import { type FileLock, type LocalDatabase, lockDataFolder } from '#libs/local';
import {
  createLogger,
  type RunningService,
  type ServiceDefinition,
  shutDown,
  type ShutdownStep,
  startService,
} from '#libs/service';
import { type LaunchedDatabase, launchDatabase, type Launch, type LaunchOptions, settle } from './local-environment';
import { choosePorts, portVariables, type Ports, urlOn } from './ports';
import { definitions as allDefinitions } from './services';

export interface AllInOne {
  /** The one origin for people and programs. */
  readonly gatewayUrl: string;
  readonly dataFolder: string;
  readonly services: ReadonlyMap<ServiceName, RunningService>;
  /** The database, when it is ours. */
  readonly database: LocalDatabase | undefined;
  /** The variables that the services were started with, the database's login among them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Edge, consumers, relay, database, in this order and within 10 s. Idempotent. */
  stop(): Promise<void>;
}

/**
 * The whole of Countersign in this process: PostgreSQL (embedded, or LEDGER_URL's), migrations, and a Nest application
 * for each service. The data folder is locked while it runs.
 * @throws DomainError('invalid_configuration') naming the setting, ('service_unavailable') when the data folder is in
 * use, ('database_unavailable') when PostgreSQL does not come up.
 */
export async function startAllInOne(
  options: LaunchOptions = {},
  definitions: readonly ServiceDefinition[] = allDefinitions,
): Promise<AllInOne> {
  const launch = settle(options);
  const lock = await lockDataFolder(launch.folder);
  const logger = createLogger(
    logLevelOf(launch.environment),
    options.quiet ? join(launch.folder.logs, 'all-in-one.log') : undefined,
  );
  const running = new Map<ServiceName, RunningService>();
  let database: LaunchedDatabase | undefined;
  let ending: Promise<void> | undefined;
  const stop = (): Promise<void> => (ending ??= shutDown(stepsToStop(running, database, lock), logger));
  try {
    const ports = await choosePorts(definitions, launch.environment, options.ports === 'free');
    database = await launchDatabase(launch, definitions, 'app', (message) => logger.warn(message));
    const environment = environmentOf(launch, database, ports);
    launch.progress('starting the services');
    for (const definition of definitions) {
      running.set(definition.name, await startService(definition, { env: environment, logger }));
    }
    const gatewayUrl = running.get('gateway')?.url ?? urlOn(ports.get('gateway'));
    return {
      gatewayUrl,
      dataFolder: launch.folder.root,
      services: running,
      database: database.local,
      environment,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One process, one login: all services share `countersign_app`, and each connection takes on its service's role. */
function environmentOf(launch: Launch, database: LaunchedDatabase, ports: Ports): Record<string, string | undefined> {
  return {
    ...launch.environment,
    ...portVariables(ports),
    COUNTERSIGN_PROFILE: launch.profile,
    COUNTERSIGN_DATA: launch.folder.root,
    COUNTERSIGN_BUS: launch.environment.COUNTERSIGN_BUS || 'postgres',
    LEDGER_URL: database.urlFor('ledger'),
  };
}

/** The budgets add up to less than 10 s. The ledger's service goes last: it relays and signs what the others wrote. */
function stepsToStop(
  running: ReadonlyMap<ServiceName, RunningService>,
  database: LaunchedDatabase | undefined,
  lock: FileLock,
): ShutdownStep[] {
  const others = [...running.values()].filter(({ name }) => name !== 'gateway' && name !== 'ledger');
  return [
    { name: 'gateway', budgetMs: 2_000, run: () => running.get('gateway')?.stop() },
    { name: 'services', budgetMs: 3_500, run: () => Promise.all(others.map((service) => service.stop())) },
    { name: 'ledger', budgetMs: 2_000, run: () => running.get('ledger')?.stop() },
    { name: 'database', budgetMs: 2_000, run: () => database?.local?.stop() },
    { name: 'data folder', budgetMs: 100, run: () => lock.release() },
  ];
}

function logLevelOf({ COUNTERSIGN_LOG_LEVEL: level }: Launch['environment']): Parameters<typeof createLogger>[0] {
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
  return levels.find((known) => known === level) ?? 'info';
}
