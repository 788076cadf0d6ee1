import { stopTestServer } from './test-server';

/** What `npm test` runs after the last suite, so that nothing stays behind. */
stopTestServer().catch((error: unknown) => {
  process.stderr.write(`the test server could not be stopped: ${String(error)}\n`);
  process.exitCode = 1;
});
