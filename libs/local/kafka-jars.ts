import { spawn } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { withFileLock } from './file-lock';
import { repositoryRoot } from './repository-root';

const TIMEOUT_MS = 10 * 60_000;

/** Kafka's own jars, as deploy/local-kafka/pom.xml names them. There once they are complete. */
export function kafkaJarsFolder(): string {
  return join(repositoryRoot, 'deploy', 'local-kafka', 'libs');
}

/**
 * The folder of the jars; downloads them by Maven unless they are there: about 45 MB, once for each checkout.
 * @throws DomainError('broker_missing') with Maven's last words.
 */
export async function ensureKafkaJars(maven: string | undefined, progress: (message: string) => void): Promise<string> {
  const folder = kafkaJarsFolder();
  if (existsSync(folder) || maven === undefined) return folder;
  await withFileLock(
    `${folder}.lock`,
    async () => {
      if (existsSync(folder)) return;
      progress('downloading Kafka by Maven (about 45 MB, once)');
      const partial = `${folder}.partial`;
      rmSync(partial, { recursive: true, force: true });
      await copyDependencies(maven, partial);
      renameSync(partial, folder);
    },
    TIMEOUT_MS,
  );
  return folder;
}

async function copyDependencies(maven: string, output: string): Promise<void> {
  const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${output}`];
  const child = spawn(maven, args, {
    cwd: join(repositoryRoot, 'deploy', 'local-kafka'),
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
    timeout: TIMEOUT_MS,
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4_000)));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  throw new DomainError('broker_missing', `Maven could not download Kafka; its last words:\n${words.trim()}`);
}
