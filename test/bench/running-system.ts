import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTopics } from '../../libs/bus';
import type { ServiceName } from '../../contracts/envelope';
import type { SourceWithToken } from '../../contracts/http/ingest';
import {
  dataFolder,
  freePort,
  type LocalDatabase,
  NODE_ARGUMENTS,
  removeEmbeddedPostgres,
  repositoryRoot,
  startKafkaBroker,
  startLocalDatabase,
  stopKafkaBroker,
  SupervisedProcess,
} from '../../libs/local';
import {
  createLogger,
  shutdownSignal,
  startTestIssuer,
  type TestIssuer,
  untilSignalled,
  variablePrefix,
} from '../../libs/service';
import { startCluster } from '../../services/all-in-one/src/cluster/start-cluster';
import { choosePorts, portVariables, urlOn } from '../../services/all-in-one/src/ports';
import { definitions } from '../../services/all-in-one/src/services';
import { PRODUCTS } from './alert-mix';
import type { MeasuredProcess } from './cpu-time';

/** Countersign as it is run, with the sources of the mix. */
export interface RunningSystem {
  readonly urlOf: (service: ServiceName) => string;
  /** The token of each product's source. */
  readonly tokens: readonly string[];
  readonly database: LocalDatabase;
  /** Of the broker, in cluster mode. */
  readonly brokers: readonly string[];
  /** By what they are: services, `postgres`, `broker`, and `bench`, which is this process. */
  readonly processes: ReadonlyMap<string, readonly MeasuredProcess[]>;
  /** Headers of somebody who may look at everything. */
  readonly headers: () => Promise<{ authorization: string }>;
}

export interface SystemOptions {
  readonly mode: 'kafka' | 'embedded';
  /** Of enrichment and case, in cluster mode. */
  readonly instances: number;
  readonly partitions: number;
  /** Services to run, in cluster mode; all when absent. */
  readonly services?: readonly string[];
  /** Beside this process's own variables. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs `work` on a system of its own, of which nothing is left, also when a signal ends the bench. */
export async function onRunningSystem<Result>(
  options: SystemOptions,
  work: (system: RunningSystem) => Promise<Result>,
): Promise<Result> {
  signalled ??= shutdownSignal();
  const ended = signalled;
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const issuer = await startTestIssuer();
  const workUntilSignalled = (system: RunningSystem) =>
    untilSignalled(ended, () => work(system)).catch((error: unknown) => {
      // Whoever is still connected hears that the servers stop: that must not end the process before all is removed.
      process.on('uncaughtException', () => undefined);
      throw error;
    });
  try {
    return await (options.mode === 'kafka' ? onCluster : onAllInOne)(folder, issuer, options, workUntilSignalled);
  } finally {
    await issuer.stop();
    await stopKafkaBroker(join(folder, 'kafka'));
    await removeEmbeddedPostgres(join(folder, 'postgres'));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One for all systems of a bench. */
let signalled: Promise<NodeJS.Signals> | undefined;

const chosen = ({ services }: SystemOptions) =>
  services === undefined ? definitions : definitions.filter(({ name }) => services.includes(name));

const environmentOf = (issuer: TestIssuer, { environment }: SystemOptions) => ({
  ...process.env,
  ...environment,
  OIDC_ISSUER: issuer.url,
  COUNTERSIGN_LOG_LEVEL: 'warn',
});

async function onCluster<Result>(
  folder: string,
  issuer: TestIssuer,
  options: SystemOptions,
  work: (system: RunningSystem) => Promise<Result>,
): Promise<Result> {
  // Before the cluster comes up, which leaves topics that exist as they are.
  const broker = await startKafkaBroker({ dataDir: join(folder, 'kafka') });
  await createTopics({ brokers: broker.brokers }, { partitions: options.partitions }, createLogger('error'));
  const cluster = await startCluster(
    { dataDir: folder, profile: 'development', env: environmentOf(issuer, options), quiet: true, ports: 'free' },
    chosen(options),
  );
  const database = ours(cluster.database);
  const further = await furtherInstances(folder, cluster.environment, database, options.instances - 1);
  try {
    const urlOf = (name: ServiceName) => cluster.services.get(name)?.url ?? '';
    const processes = new Map<string, MeasuredProcess[]>();
    for (const { name, pid = 0 } of [...cluster.services.values(), ...further.map(named)]) {
      processes.set(name, [...(processes.get(name) ?? []), { pid }]);
    }
    processes.set('broker', [{ pid: broker.pid ?? 0 }]).set('postgres', [postgresOf(database)]);
    processes.set('bench', [{ pid: process.pid }]);
    return await work({
      ...{ urlOf, database, processes, brokers: broker.brokers },
      tokens: await registerSources(urlOf('ingest'), issuer),
      headers: () => issuer.headersFor('olivia'),
    });
  } finally {
    await Promise.all(further.map((process) => process.stop(3_000)));
    await cluster.stop();
  }
}

const postgresOf = ({ server }: LocalDatabase): MeasuredProcess => ({ pid: server.pid, withChildren: true });

const named = (process: SupervisedProcess) => ({ name: process.name.replace(/-\d+$/, ''), pid: process.pid });

async function furtherInstances(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
  database: LocalDatabase,
  count: number,
): Promise<SupervisedProcess[]> {
  const processes: SupervisedProcess[] = [];
  for (let number = 2; number < count + 2; number += 1) {
    for (const service of ['enrichment', 'case'] as const) {
      const port = await freePort(0, []);
      const process = new SupervisedProcess({
        name: `${service}-${number}`,
        command: globalThis.process.execPath,
        args: [...NODE_ARGUMENTS, join(repositoryRoot, 'dist', 'services', service, 'src', 'main.js')],
        env: {
          ...environment,
          [`${variablePrefix(service)}_PORT`]: String(port),
          LEDGER_URL: database.urlFor(service),
        },
        cwd: repositoryRoot,
        logFile: join(folder, 'logs', `${service}-${number}.log`),
        records: join(folder, 'processes'),
        isReady: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
        report: (message) => globalThis.process.stderr.write(`${message}\n`),
      });
      await process.start(60_000);
      processes.push(process);
    }
  }
  return processes;
}

async function onAllInOne<Result>(
  folder: string,
  issuer: TestIssuer,
  options: SystemOptions,
  work: (system: RunningSystem) => Promise<Result>,
): Promise<Result> {
  const environment = environmentOf(issuer, options);
  const ports = await choosePorts(chosen(options), environment, true);
  const urlOf = (name: ServiceName) => urlOn(ports.get(name));
  const launched = new SupervisedProcess({
    name: 'all-in-one',
    command: process.execPath,
    args: [...NODE_ARGUMENTS, join(repositoryRoot, 'dist', 'services', 'all-in-one', 'src', 'main.js')],
    env: {
      ...environment,
      ...portVariables(ports),
      // Where the service is goes by the same name: here it is the database, of the data folder.
      LEDGER_URL: '',
      COUNTERSIGN_PROFILE: 'development',
      COUNTERSIGN_DATA: folder,
    },
    cwd: repositoryRoot,
    logFile: join(folder, 'all-in-one.log'),
    records: join(folder, 'bench'),
    isReady: async () => (await fetch(`${urlOf('gateway')}/readyz`)).ok,
    report: (message) => process.stderr.write(`${message}\n`),
  });
  await launched.start(120_000);
  // Joins the server that runs there.
  const database = await startLocalDatabase(dataFolder(folder));
  try {
    return await work({
      ...{ urlOf, database, brokers: [] },
      tokens: await registerSources(urlOf('ingest'), issuer),
      processes: new Map([
        ['all-in-one', [{ pid: launched.pid ?? 0 }]],
        ['postgres', [postgresOf(database)]],
        ['bench', [{ pid: process.pid }]],
      ]),
      headers: () => issuer.headersFor('olivia'),
    });
  } finally {
    await launched.stop(12_000);
    await database.stop();
  }
}

function ours(database: LocalDatabase | undefined): LocalDatabase {
  if (database === undefined) throw new Error('the bench runs on a database of its own: unset LEDGER_URL');
  return database;
}

/** Every other one says what it sends; the formats of the rest are told from each alert. */
async function registerSources(ingest: string, issuer: TestIssuer): Promise<string[]> {
  const headers = { ...(await issuer.headersFor('root')), 'content-type': 'application/json' };
  const tokens: string[] = [];
  for (const [index, format] of PRODUCTS.entries()) {
    const body = JSON.stringify({ name: format, ...(index % 2 === 0 && { format }) });
    const answer = await fetch(`${ingest}/v1/sources`, { method: 'POST', headers, body });
    if (answer.status !== 201) throw new Error(`no source: ${answer.status} ${await answer.text()}`);
    const { token }: SourceWithToken = JSON.parse(await answer.text());
    tokens.push(token);
  }
  return tokens;
}
