import { DomainError } from '#libs/kernel';
import type { ServiceDefinition } from './service-definition';
import { SHUTDOWN_MS } from './shutdown';
import { startService, type StartOptions } from './start-service';

/**
 * The whole of a service's `main.ts`: starts it, and stops it on SIGTERM or SIGINT. A configuration that is wrong is
 * printed, a line for each setting, and the process ends with 1.
 */
export async function runService(definition: ServiceDefinition, options: StartOptions = {}): Promise<void> {
  await runUntilSignal(() => startService(definition, options));
}

/** For whoever starts several services in one process too: one handler of signals, whatever it stops. */
export async function runUntilSignal(start: () => Promise<{ stop(): Promise<void> }>): Promise<void> {
  const signalled = nextSignal();
  try {
    const running = await start();
    await signalled;
    // Whatever hangs: a supervisor must never have to kill a service for not stopping in time.
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
    await running.stop();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** For the person at the terminal: what is wrong and where, a line for each mistake. */
export function explain(error: unknown): string {
  if (!(error instanceof DomainError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = error.errors?.map(({ field, reason }) => `  ${field} ${reason}`) ?? [`  ${error.message}`];
  return [`${error.title}:`, ...lines].join('\n');
}
