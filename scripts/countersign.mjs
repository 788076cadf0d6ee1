#!/usr/bin/env node
// The command line `npx countersign`: makes sure that it is installed and built, then is services/cli.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { requireNodeVersion } from './node-version.mjs';
import { Refusal, root } from './project.mjs';

try {
  requireNodeVersion();
  await (await import('./install.mjs')).ensureInstalled();
  await (await import('./build.mjs')).ensureBuilt();
  createRequire(import.meta.url)(join(root, 'dist/services/cli/src/main.js'));
} catch (error) {
  process.stderr.write(`${error instanceof Refusal ? error.message : error?.stack}\n`);
  process.exitCode = 1;
}
