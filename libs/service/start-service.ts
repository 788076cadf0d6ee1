import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { ServiceName } from '#contracts/envelope';
import type { Endpoint } from '#contracts/http/endpoint';
import { endpointsOf } from '#contracts/http/endpoints';
import { ArchiveFolder } from '#libs/archive';
import { connectBus, consumerGroup, createBus, type Bus } from '#libs/bus';
import {
  createPostgresEventStore,
  createPostgresSnapshots,
  interpreting,
  serviceSchema,
  type EventStore,
} from '#libs/event-store';
import { JobQueue } from '#libs/jobs';
import type { Clock } from '#libs/kernel';
import { asRead, asStored, demandKeysOfLedger, PersonalData, PersonalKeys } from '#libs/personal-data';
import { ProjectionRunner } from '#libs/read-model';
import { Telemetry } from '#libs/telemetry';
import { batchMetrics } from './batch-metrics';
import { loadConfig, type Environment, type ServiceSettings } from './config';
import { demandDatabase, openLedgerPool, openReadModels } from './database';
import { createHttpApp } from './http-app';
import { LedgerClock } from './ledger-clock';
import { createLogger, serviceLogger } from './logging';
import { ServiceMetrics } from './metrics';
import type { ReadinessChecks } from './operations.controller';
import type { ServiceContext, ServiceDefinition } from './service-definition';
import { observe } from './service-gauges';
import { shutDown, type ShutdownStep } from './shutdown';
import { type RunningTracer, startTracing } from './tracing';

export interface StartOptions {
  /** The environment to read instead of the process's own. `<SERVICE>_PORT=0` takes any free port. */
  readonly env?: Environment;
  /** One logger for all services of a process; by default each makes its own. */
  readonly logger?: Logger;
  /** Instead of the database's. */
  readonly clock?: Clock;
  /** Instead of the service's rows of the table: for tests of this library. */
  readonly endpoints?: readonly Endpoint[];
}

export interface RunningService {
  readonly name: ServiceName;
  /** `http://127.0.0.1:8083` */
  readonly url: string;
  readonly context: ServiceContext;
  readonly app: NestFastifyApplication;
  /** Edge, consumers, jobs and projections, publisher, database: in this order, within 10 s. Idempotent. */
  stop(): Promise<void>;
}

/** What has been opened so far, in the order of opening; a start that fails half-way closes it again. */
interface Opened {
  readonly logger: Logger;
  readonly stopping: AbortController;
  tracer?: RunningTracer;
  readonly edges: (() => Promise<void>)[];
  personalKeys?: PersonalKeys;
  ledgerPool?: Pool;
  clock?: LedgerClock;
  store?: EventStore;
  database?: DataSource;
  bus?: Bus;
  jobs?: JobQueue;
  projections?: ProjectionRunner;
  app?: NestFastifyApplication;
}

/**
 * Starts one service and resolves when it takes requests.
 * @throws DomainError('invalid_configuration') naming every setting that is wrong, or routes that are not in the table;
 * DomainError('database_unavailable') when the database does not come up.
 */
export async function startService(definition: ServiceDefinition, options: StartOptions = {}): Promise<RunningService> {
  const { settings, config } = loadConfig(definition, options.env ?? process.env);
  const logger = serviceLogger(options.logger ?? createLogger(settings.logLevel), definition.name);
  const opened: Opened = { logger, stopping: new AbortController(), edges: [] };
  try {
    return await start(definition, options, settings, config, opened);
  } catch (error) {
    await shutDown(stepsToStop(opened), logger);
    throw error;
  }
}

async function start(
  definition: ServiceDefinition,
  options: StartOptions,
  settings: ServiceSettings,
  config: Record<string, unknown>,
  opened: Opened,
): Promise<RunningService> {
  const { logger, stopping, edges } = opened;
  const { name } = definition;
  const schema = serviceSchema(name);
  opened.tracer = await startTracing(settings.tracing, name);
  const metrics = new ServiceMetrics(name, logger);
  const telemetry = new Telemetry(opened.tracer?.tracer, batchMetrics(metrics.prometheus));

  await demandDatabase(name, settings, logger);
  const ledgerPool = (opened.ledgerPool = openLedgerPool(name, settings.ledgerUrl, logger));
  // The first connection: refused at once when the ledger was restored here and not adopted.
  const clock = (opened.clock = await LedgerClock.open(ledgerPool, logger));
  const database = (opened.database = await openReadModels(definition, settings.databaseUrl, logger));
  const personalKeys = PersonalKeys.open(settings.personalKeysFile, settings.profile !== 'production');
  opened.personalKeys = personalKeys;
  await demandKeysOfLedger(ledgerPool, personalKeys.ring());
  const personal = new PersonalData(() => personalKeys.ring());
  const stored = (opened.store = createPostgresEventStore({
    pool: ledgerPool,
    telemetry,
    archive: settings.archiveFolder === undefined ? undefined : new ArchiveFolder(settings.archiveFolder),
  }));
  const store = interpreting(stored, definition.readsAsStored === true ? asStored(personal) : asRead(personal));
  const bus = (opened.bus = createBus({
    kind: settings.bus,
    service: name,
    store: stored,
    pool: ledgerPool,
    personal: { seal: (message) => personal.sealMessage(message), open: (message) => personal.openMessage(message) },
    kafka: settings.kafka,
    logger,
    telemetry,
  }));
  const jobs = (opened.jobs = new JobQueue({ database, schema, logger }));

  const projections = (opened.projections = new ProjectionRunner({
    store,
    database,
    schema,
    projections: definition.projections({ jobs }),
    logger,
  }));
  const context: ServiceContext = {
    name,
    profile: settings.profile,
    config,
    settings,
    logger,
    telemetry,
    metrics,
    clock: options.clock ?? clock,
    store,
    snapshots: createPostgresSnapshots({
      ...{ database, schema },
      onTrouble: (error) => logger.warn({ err: error }, 'kept states are not to be had; every event is read instead'),
    }),
    ledgerPool,
    personal,
    personalKeys,
    database,
    publisher: bus.publisher,
    jobs,
    readModels: projections,
    stopping: stopping.signal,
    closeWithEdge: (close) => void edges.push(close),
  };

  observe(metrics, { store, bus, group: consumerGroup(name), jobs, projections, ledgerPool, database });
  const started = { yes: false };
  const endpoints = options.endpoints ?? endpointsOf(name);
  const http = await createHttpApp(definition, context, endpoints, readiness(opened, started));
  const app = (opened.app = http.app);
  await app.init();
  http.demandComplete();
  connectBus(app, bus.server());

  projections.start();
  jobs.start();
  await app.startAllMicroservices();
  started.yes = true;
  await app.listen({ port: settings.port, host: settings.host });
  const url = urlOf(app, settings.host);
  logger.info({ url, profile: settings.profile, bus: settings.bus }, 'started');

  let ending: Promise<void> | undefined;
  return {
    name,
    url,
    context,
    app,
    stop: () => (ending ??= shutDown(stepsToStop(opened), logger).then(() => logger.info('stopped'))),
  };
}

function readiness({ ledgerPool, database, logger, projections }: Opened, started: { yes: boolean }): ReadinessChecks {
  return {
    logger,
    checks: [
      { name: 'database', check: async () => void (await database?.query('select 1')) },
      { name: 'ledger', check: async () => void (await ledgerPool?.query('select 1')) },
      {
        name: 'bus',
        check: async () => {
          if (!started.yes) throw new Error('The bus has not started');
        },
      },
      {
        name: 'projections',
        check: async () => {
          const troubles = Object.entries(projections?.troubles() ?? {});
          if (troubles.length > 0) throw new Error(troubles.map(([name, trouble]) => `${name}: ${trouble}`).join('; '));
        },
      },
    ],
  };
}

/** The edge goes first, so that nothing new comes in; the database last, so that what is in hand can be recorded. */
function stepsToStop(opened: Opened): ShutdownStep[] {
  const { app, bus, jobs, projections, database, store, ledgerPool, clock, personalKeys, tracer, stopping, edges } =
    opened;
  return [
    {
      name: 'edge',
      budgetMs: 2_500,
      run: async () => {
        stopping.abort();
        await Promise.all([app?.getHttpAdapter().getInstance().close(), ...edges.map((close) => close())]);
      },
    },
    { name: 'consumers', budgetMs: 2_500, run: () => bus?.server().stop() },
    { name: 'jobs and projections', budgetMs: 2_000, run: () => Promise.all([jobs?.stop(1_500), projections?.stop()]) },
    {
      name: 'application',
      budgetMs: 500,
      run: () => {
        app?.getHttpServer().closeAllConnections();
        return app?.close();
      },
    },
    { name: 'publisher', budgetMs: 1_000, run: () => bus?.stop() },
    {
      name: 'database',
      budgetMs: 1_000,
      run: async () => {
        personalKeys?.close();
        clock?.close();
        await Promise.all([database?.destroy(), store?.close().then(() => ledgerPool?.end())]);
      },
    },
    { name: 'telemetry', budgetMs: 500, run: () => tracer?.stop() },
  ];
}

function urlOf(app: NestFastifyApplication, host: string): string {
  const address: AddressInfo | string | null = app.getHttpServer().address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
