import { explain, SHUTDOWN_MS, shutdownSignal } from '#libs/service';

/**
 * The main of a composition: starts it, and on the first signal stops it, also when it is still starting. A second
 * Ctrl-C ends the process at once.
 * @param start is handed where to say what takes time.
 * @param announce what to say once it is up.
 */
export async function runLaunched<Running extends { stop(): Promise<void> }>(
  start: (progress: (message: string) => void) => Promise<Running>,
  announce: (running: Running) => string,
): Promise<void> {
  try {
    const signalled = shutdownSignal();
    const starting = start(say);
    const interrupted = await Promise.race([starting.then(() => false), signalled.then(() => true)]);
    const running = await starting;
    if (!interrupted) {
      say(announce(running));
      await signalled;
    }
    say('stopping ...');
    // Whatever hangs: a supervisor must never have to kill us for not stopping in time.
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
    await running.stop();
    process.exit(0);
  } catch (error) {
    say(explain(error));
    process.exit(1);
  }
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}
