import { isAlive, type KafkaBroker, startKafkaBroker } from '#libs/local';

const WATCH_MS = 500;

/** A broker that is started again, on the same port and data, whenever its process dies. One by URL is not ours to keep. */
export interface KeptBroker {
  readonly brokers: readonly string[];
  /** Of the process that runs now, when it is one of ours. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

export async function keepBroker(
  dataDir: string,
  progress: (message: string) => void,
  report: (message: string) => void,
): Promise<KeptBroker> {
  let broker: KafkaBroker = await startKafkaBroker({ dataDir, progress });
  const { brokers } = broker;
  if (broker.adopted && broker.pid !== undefined) report(`adopted the Kafka that was running (process ${broker.pid})`);
  let restarting: Promise<void> | undefined;
  let stopped = false;
  const restart = async (): Promise<void> => {
    report(`Kafka (process ${broker.pid ?? '?'}) has died; starting it again`);
    broker = await startKafkaBroker({ dataDir, port: portOf(brokers) });
    const same = broker.brokers.join() === brokers.join();
    report(same ? 'Kafka runs again' : `another program has taken ${brokers.join()}; start the cluster again`);
  };
  const watch = setInterval(() => {
    if (stopped || restarting || broker.pid === undefined || isAlive(broker.pid)) return;
    restarting = restart()
      .catch((error: unknown) => report(error instanceof Error ? error.message : String(error)))
      .finally(() => (restarting = undefined));
  }, WATCH_MS);
  watch.unref();
  return {
    brokers,
    get pid() {
      return broker.pid;
    },
    async stop() {
      stopped = true;
      clearInterval(watch);
      await restarting;
      await broker.stop();
    },
  };
}

function portOf([first = '']: readonly string[]): number {
  return Number(first.slice(first.lastIndexOf(':') + 1));
}
