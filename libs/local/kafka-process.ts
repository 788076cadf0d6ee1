import { randomBytes } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DomainError } from '#libs/kernel';

export interface KafkaLaunch {
  readonly java: string;
  /** The folder of Kafka's jars. */
  readonly jars: string;
  /** Gets server.properties, kafka.log and the messages. */
  readonly folder: string;
  readonly port: number;
  readonly controllerPort: number;
}

const LOG_LIMIT_BYTES = 16 * 1024 * 1024;

/** One node that is broker and controller (KRaft), on loopback. */
const properties = ({ folder, port, controllerPort }: KafkaLaunch): string => `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(folder, 'data').replaceAll('\\', '/')}
auto.create.topics.enable=false
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`;

/** Formats the data folder at the first start and spawns the broker. Resolves to its process id, before it is ready. */
export async function launchKafka(launch: KafkaLaunch): Promise<number> {
  const { folder, java } = launch;
  const config = join(folder, 'server.properties');
  writeFileSync(config, properties(launch).trimStart());
  const classpath = join(launch.jars, '*');
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    mkdirSync(join(folder, 'data'), { recursive: true });
    await format(java, classpath, config);
  }
  const logFile = join(folder, 'kafka.log');
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, 'a', 0o600);
  const options = ['-Xms128m', '-Xmx1g', '-XX:+UseSerialGC', '-Dlog4j2.level=WARN', '-Djava.awt.headless=true'];
  const child = spawn(java, [...options, '-cp', classpath, 'kafka.Kafka', config], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: folder,
    windowsHide: true,
  });
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  closeSync(log);
  await spawned;
  child.unref();
  return child.pid ?? 0;
}

/**
 * The cluster id is any 16 bytes in URL-safe base64, but none that begins with '-': Kafka's tool takes that for an
 * option (one start in 64 failed).
 */
async function format(java: string, classpath: string, config: string): Promise<void> {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  const id = bytes.toString('base64url');
  const args = ['-cp', classpath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config];
  try {
    await promisify(execFile)(java, args, { timeout: 60_000 });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new DomainError('bus_unavailable', { reason: `Kafka could not format its data folder: ${words}`, cause });
  }
}
