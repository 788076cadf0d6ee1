/**
 * npm passes Ctrl-C on to a process that the terminal has sent it to already: what comes this soon is the same one.
 * Read in @npmcli/run-script of npm 11 (lib/signal-manager.js).
 */
const SAME_KEYSTROKE_MS = 500;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. From then on a further SIGINT ends the process at once, with 130: who
 * presses Ctrl-C again does not want to wait for the draining. A terminal or pipe that is gone costs what we would have
 * said there, and not the draining.
 */
export function shutdownSignal(): Promise<NodeJS.Signals> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreLostReader);
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      if (first === undefined) {
        first = now;
        resolve(signal);
      } else if (signal === 'SIGINT' && now - first > SAME_KEYSTROKE_MS) {
        process.exit(130);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}

/**
 * What `work` resolves to, unless a signal ends it first: whoever awaits it then stops what it has started.
 * @throws Error that names the signal.
 */
export async function untilSignalled<Result>(
  signalled: Promise<NodeJS.Signals>,
  work: () => Promise<Result>,
): Promise<Result> {
  const ended = signalled.then((signal) => {
    throw new Error(`ended by ${signal}`);
  });
  return Promise.race([ended, work()]);
}

function ignoreLostReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
}
