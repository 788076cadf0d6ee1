import { shutdownSignal } from '#libs/local';
import { explain, SHUTDOWN_MS } from '#libs/service';
import { startAllInOne } from './start-all-in-one';

async function main(): Promise<void> {
  const signalled = shutdownSignal();
  const starting = startAllInOne({ progress: say });
  const early = await Promise.race([starting.then(() => undefined), signalled]);
  const running = await starting;
  if (early === undefined) {
    say(`Countersign is up: ${running.gatewayUrl}  (data: ${running.dataFolder}; stop with Ctrl-C)`);
    await signalled;
  }
  say('stopping ...');
  // Whatever hangs: a supervisor must never have to kill us for not stopping in time.
  setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
  await running.stop();
  process.exit(0);
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

main().catch((error: unknown) => {
  say(explain(error));
  process.exit(1);
});
