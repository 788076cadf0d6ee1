import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DomainError } from '#libs/kernel';

const IMAGE = 'apache/kafka:4.3.1';
const run = promisify(execFile);

/** A broker in a container, its messages in a volume of the same name; the port is published on loopback only. */
export async function startContainer(docker: string, name: string, port: number): Promise<void> {
  const environment = {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093',
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_LOG_DIRS: '/var/lib/kafka/data',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
  };
  const variables = Object.entries(environment).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const ports = ['-p', `127.0.0.1:${port}:9092`, '-v', `${name}:/var/lib/kafka/data`];
  try {
    await run(docker, ['run', '-d', '--rm', '--name', name, ...ports, ...variables, IMAGE], { timeout: 10 * 60_000 });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new DomainError('broker_missing', { reason: `Docker could not start ${IMAGE}: ${words}`, cause });
  }
}

export async function isContainerRunning(docker: string, name: string): Promise<boolean> {
  const { stdout } = await run(docker, ['ps', '-q', '--filter', `name=^${name}$`], { timeout: 20_000 });
  return stdout.trim() !== '';
}

export async function stopContainer(docker: string, name: string): Promise<void> {
  if (await isContainerRunning(docker, name)) await run(docker, ['stop', '-t', '8', name], { timeout: 30_000 });
}
