import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES, type ServiceName } from '#contracts/envelope';
import {
  dataFolder,
  type DataFolder,
  emptyDataFolder,
  freePort,
  NODE_ARGUMENTS,
  repositoryRoot,
  startEmbeddedPostgres,
  startKafkaBroker,
  SupervisedProcess,
} from '#libs/local';
import { variablePrefix } from '#libs/service';
import { type Cluster, startCluster } from '../../services/all-in-one/src/cluster/start-cluster';
import { DEMO_DATA } from '../../services/demo/src/demo-data';
import { type DemoTargets, startDemoTargets } from '../../services/demo/src/demo-targets';
import { Control } from './control';
import { Ledger } from './ledger';
import { chaosPolicy } from './stage-files';
import { TcpProxy } from './tcp-proxy';

/** One process of a service. */
export interface Instance {
  readonly name: string;
  readonly service: ServiceName;
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
}

/** Where connections lead through a proxy: to each of these, whoever connects. */
export type Link = 'postgres' | 'broker' | 'targets' | 'services';

/** A whole Countersign in real processes, with its outside systems, that a test can do every harm to. */
export interface Site {
  readonly data: string;
  readonly cluster: Cluster;
  readonly targets: DemoTargets;
  readonly control: Control;
  readonly ledger: Ledger;
  readonly instances: readonly Instance[];
  readonly proxies: ReadonlyMap<Link, readonly TcpProxy[]>;
  /** The proxy in front of a service, for clients from outside. */
  urlThroughProxy(service: ServiceName): string;
  /** Stops everything, and removes the data folder unless it is to be kept. */
  stop(keep: boolean): Promise<void>;
}

export interface SiteOptions {
  readonly data: string;
  /** The services that run twice. */
  readonly twins: readonly ServiceName[];
  readonly report: (message: string) => void;
}

const READY_TIMEOUT_MS = 120_000;

/**
 * Broker and database are started first and adopted by the cluster, so that their ports are known, and led through
 * proxies, before the first service connects.
 */
export async function startSite({ data, twins, report }: SiteOptions): Promise<Site> {
  const folder = dataFolder(data);
  mkdirSync(folder.logs, { recursive: true });
  const control = new Control(join(data, 'control.json'));
  const proxies = new Map<Link, TcpProxy[]>();
  const lead = async (link: Link, port: number): Promise<TcpProxy> => {
    const proxy = await TcpProxy.to(port);
    control.lead(port, proxy.port);
    proxies.set(link, [...(proxies.get(link) ?? []), proxy]);
    return proxy;
  };
  report('starting PostgreSQL and Kafka');
  await lead('postgres', (await startEmbeddedPostgres({ folder: folder.postgres })).port);
  const { brokers } = await startKafkaBroker({ dataDir: folder.kafka, progress: report });
  for (const broker of brokers) await lead('broker', portOf(broker));
  const targets = await startDemoTargets(data, DEMO_DATA.indicators);
  for (const url of Object.values(targets.urls)) await lead('targets', portOf(url));

  const ports = new Map<ServiceName, TcpProxy>();
  const env = environmentOf(folder, control);
  for (const service of SERVICES) {
    const port = await freePort(
      0,
      [...ports.values()].map(({ target }) => target),
    );
    env[`${variablePrefix(service)}_PORT`] = String(port);
    ports.set(service, await lead('services', port));
  }
  const cluster = await startCluster({ dataDir: data, profile: 'demo', quiet: true, env, progress: report });
  const second = await Promise.all(twins.map((service) => startTwin(service, cluster, folder)));
  if (second.length > 0) report(`${second.length} services run twice`);
  const first = SERVICES.map((service) => instanceOf(cluster, service));
  return {
    data,
    cluster,
    targets,
    control,
    ledger: new Ledger(cluster),
    instances: [...first, ...second.map(({ instance }) => instance)],
    proxies,
    urlThroughProxy: (service) => `http://127.0.0.1:${ports.get(service)?.port ?? 0}`,
    async stop(keep) {
      await Promise.all(second.map(({ supervised }) => supervised.stop(5_000)));
      await cluster.stop();
      await targets.stop();
      await Promise.all([...proxies.values()].flat().map((proxy) => proxy.close()));
      if (keep) return;
      await emptyDataFolder(folder);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function environmentOf({ root }: DataFolder, { file }: Control): Record<string, string | undefined> {
  return {
    ...process.env,
    NODE_ENV: undefined,
    LEDGER_URL: undefined,
    MIGRATION_URL: undefined,
    NODE_OPTIONS: `--require ${join(repositoryRoot, 'test', 'chaos', 'preload.cjs')}`,
    CHAOS_CONTROL: file,
    COUNTERSIGN_POLICY_FILE: chaosPolicy(root),
  };
}

function instanceOf(cluster: Cluster, service: ServiceName): Instance {
  const running = cluster.services.get(service);
  if (!running) throw new Error(`the cluster has no ${service}`);
  return {
    name: service,
    service,
    url: running.url,
    get pid() {
      return running.pid;
    },
  };
}

/** A second process of a service, as the launcher starts the first. */
async function startTwin(
  service: ServiceName,
  cluster: Cluster,
  folder: DataFolder,
): Promise<{ supervised: SupervisedProcess; instance: Instance }> {
  const name = `${service}-2`;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const supervised = new SupervisedProcess({
    name,
    command: process.execPath,
    args: [...NODE_ARGUMENTS, join(repositoryRoot, 'dist', 'services', service, 'src', 'main.js')],
    env: {
      ...cluster.environment,
      [`${variablePrefix(service)}_PORT`]: String(port),
      LEDGER_URL: cluster.database?.urlFor(service),
    },
    cwd: repositoryRoot,
    logFile: join(folder.logs, `${name}.log`),
    records: folder.processes,
    isReady: async () => (await fetch(`${url}/readyz`)).ok,
    report: () => undefined,
  });
  await supervised.start(READY_TIMEOUT_MS);
  const instance = {
    name,
    service,
    url,
    get pid() {
      return supervised.pid;
    },
  };
  return { supervised, instance };
}

function portOf(address: string): number {
  return Number(/:(\d+)\/?$/.exec(address)?.[1]);
}
