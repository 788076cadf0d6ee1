import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { kafkaJarsFolder } from './kafka-jars';

/** Where a broker can come from, in the order in which the ways are tried. */
export type KafkaProvider =
  | { readonly kind: 'environment'; readonly brokers: readonly string[] }
  | {
      readonly kind: 'java';
      readonly java: string;
      /** Absent when the jars are there already. */ readonly maven?: string;
    }
  | { readonly kind: 'docker'; readonly docker: string };

const OLDEST_JAVA = 17;

/**
 * How this machine gets a broker: KAFKA_BROKERS, else Java and Maven, else Docker. Starts nothing.
 * @throws DomainError('broker_missing') that says what to install.
 */
export function findKafkaProvider(environment: NodeJS.ProcessEnv = process.env): KafkaProvider {
  const brokers = (environment['KAFKA_BROKERS'] ?? '').split(',').map((broker) => broker.trim());
  if (brokers.some(Boolean)) return { kind: 'environment', brokers: brokers.filter(Boolean) };

  const java = environment['JAVA_HOME'] ? join(environment['JAVA_HOME'], 'bin', 'java') : onPath('java', environment);
  const version = java && existsSync(java) ? javaVersion(java) : undefined;
  const maven = onPath('mvn', environment);
  const downloaded = existsSync(kafkaJarsFolder());
  if (java && version !== undefined && version >= OLDEST_JAVA && (downloaded || maven)) {
    return { kind: 'java', java, maven: downloaded ? undefined : maven };
  }

  const docker = onPath('docker', environment);
  if (docker && spawnSync(docker, ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0) {
    return { kind: 'docker', docker };
  }
  const found = [
    version === undefined ? 'no Java' : version < OLDEST_JAVA ? `Java ${version}` : `Java ${version}, no Maven`,
    docker ? 'Docker that does not answer' : 'no Docker',
  ];
  throw new DomainError(
    'broker_missing',
    `No Kafka broker: set KAFKA_BROKERS to one that runs, or install Java ${OLDEST_JAVA} or later and Maven ` +
      `(Debian, Ubuntu: apt install openjdk-17-jre-headless maven; macOS: brew install openjdk maven), or start Docker. ` +
      `This machine has ${found.join(' and ')}.`,
  );
}

/** The major version, or undefined when it is no Java that runs (macOS has a stub that only says so). */
function javaVersion(java: string): number | undefined {
  const { stderr, stdout } = spawnSync(java, ['-version'], { encoding: 'utf8', timeout: 20_000 });
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(`${stderr}${stdout}`) ?? [];
  if (first === undefined) return undefined;
  return first === '1' ? Number(second) : Number(first);
}

function onPath(program: string, environment: NodeJS.ProcessEnv): string | undefined {
  const names = process.platform === 'win32' ? [`${program}.exe`, `${program}.cmd`] : [program];
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
