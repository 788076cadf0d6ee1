import { stopTestBroker } from './kafka';
import { stopTestServer } from './test-server';

/** What `npm test` runs after the last suite, so that nothing stays behind. */
Promise.all([stopTestServer(), stopTestBroker()]).catch((error: unknown) => {
  process.stderr.write(`the test servers could not be stopped: ${String(error)}\n`);
  process.exitCode = 1;
});
