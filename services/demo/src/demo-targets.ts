import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '#libs/kernel';
import { startTarget, type TargetServer } from './targets/target-server';
import { type KnownIndicator, TARGET_NAMES, type TargetName, targetSystems } from './targets/target-systems';

export interface DemoTargets {
  readonly urls: Readonly<Record<TargetName, string>>;
  stop(): Promise<void>;
}

/**
 * Starts the outside systems. Their ports and their token stay the same from start to start, since the connections that
 * are registered name them.
 */
export async function startDemoTargets(dataFolder: string, indicatorsFile: string): Promise<DemoTargets> {
  const folder = join(dataFolder, 'targets');
  mkdirSync(folder, { recursive: true });
  const token = targetToken(dataFolder);
  const ports = readPorts(join(folder, 'ports.json'));
  const started: TargetServer[] = [];
  for (const definition of targetSystems(readIndicators(indicatorsFile))) {
    const options = { folder, token, port: ports[definition.name] ?? 0 };
    // A port that somebody else has taken meanwhile is replaced; registering the connections again tells Countersign.
    started.push(await startTarget(definition, options).catch(() => startTarget(definition, { ...options, port: 0 })));
  }
  const urls = Object.fromEntries(started.map(({ name, url }) => [name, url])) as Record<TargetName, string>;
  const taken = Object.fromEntries(TARGET_NAMES.map((name) => [name, Number(new URL(urls[name]).port)]));
  writeFileSync(join(folder, 'ports.json'), JSON.stringify(taken));
  return { urls, stop: async () => void (await Promise.all(started.map((server) => server.stop()))) };
}

/** The version that a `secret://` reference of this token names: another token is another version. */
export const tokenVersion = (token: string): string => createHash('sha256').update(token).digest('hex').slice(0, 8);

/** The token that the targets demand, as a file of the connector's secrets folder. */
export function targetToken(dataFolder: string): string {
  const folder = join(dataFolder, 'secrets');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'demo-targets');
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  const token = readFileSync(file, 'utf8');
  writeFileSync(join(folder, `demo-targets@${tokenVersion(token)}`), token, { mode: 0o600 });
  return token;
}

function readPorts(file: string): Record<string, number> {
  if (!existsSync(file)) return {};
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!isJsonObject(parsed)) return {};
  return Object.fromEntries(
    Object.entries(parsed).flatMap(([name, port]) => (typeof port === 'number' ? [[name, port]] : [])),
  );
}

function readIndicators(file: string): ReadonlyMap<string, KnownIndicator> {
  const parsed: Record<string, KnownIndicator> = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(Object.entries(parsed));
}
