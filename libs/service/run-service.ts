import { DomainError } from '#libs/kernel';
import type { ServiceDefinition } from './service-definition';
import { SHUTDOWN_MS } from './shutdown';
import { shutdownSignal } from './shutdown-signal';
import { startService, type StartOptions } from './start-service';

/**
 * The whole of a service's `main.ts`: starts it, and stops it on SIGTERM, SIGINT or SIGHUP. A configuration that is
 * wrong is printed, a line for each setting, and the process ends with 1.
 */
export async function runService(definition: ServiceDefinition, options: StartOptions = {}): Promise<void> {
  const signalled = shutdownSignal();
  try {
    const running = await startService(definition, options);
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

/** For the person at the terminal: what is wrong and where, a line for each mistake. */
export function explain(error: unknown): string {
  if (!(error instanceof DomainError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = error.errors?.map(({ field, reason }) => `  ${field} ${reason}`) ?? [`  ${error.message}`];
  return [`${error.title}:`, ...lines].join('\n');
}
