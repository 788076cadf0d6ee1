// What every npm script runs: checks Node, installs and builds what is missing, then does what its first argument says.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { requireNodeVersion } from './node-version.mjs';
import { Refusal, root } from './project.mjs';

const USAGE = `usage: npm run demo | start | cluster | reset | test [unit|int|kafka|e2e ...] | bench NAME | fuzz [TARGET] | chaos | verify`;

/**
 * The programs of dist/, which run in this very process, so that a signal or a kill -9 reaches what it is meant for. In
 * the demo profile `start` and `cluster` come with the demo's outside systems; in the others there is nothing of it.
 */
const PROGRAMS = {
  demo: () => ['services/demo/src/main.js'],
  start: (demo) => (demo ? ['services/demo/src/main.js', '--no-alerts'] : ['services/all-in-one/src/main.js']),
  cluster: (demo) =>
    demo ? ['services/demo/src/main.js', '--no-alerts', '--cluster'] : ['services/all-in-one/src/cluster/main.js'],
  reset: () => ['services/all-in-one/src/reset.js'],
};

/** Those that measure other event stores beside ours: test/bench/package.json names them. */
const BENCHES_WITH_PEERS = ['append', 'replay'];

const STEPS = {
  test: async (args) => (await import('./test.mjs')).test(args),
  verify: async () => (await import('./verify.mjs')).verify(),
  bench: async ([name, ...args]) => {
    if (!name || !/^[a-z][a-z-]*$/.test(name)) throw new Refusal('Which bench? For example: npm run bench -- append');
    if (BENCHES_WITH_PEERS.includes(name)) {
      await (await import('./install.mjs')).ensureInstalled(join(root, 'test', 'bench'));
    }
    return runProgram(`test/bench/${name}.js`, args);
  },
  fuzz: (args) => runProgram('test/fuzz/main.js', args),
  chaos: (args) => runProgram('test/chaos/main.js', args),
};

async function main([command, ...args]) {
  requireNodeVersion();
  if (!Object.hasOwn(PROGRAMS, command ?? '') && !Object.hasOwn(STEPS, command ?? '')) throw new Refusal(USAGE);
  await (await import('./install.mjs')).ensureInstalled();
  if (Object.hasOwn(STEPS, command)) return STEPS[command](args);
  // From a clone it is tried out; a container image, which runs the programs of dist/ itself, defaults to production.
  process.env.COUNTERSIGN_PROFILE ||= 'demo';
  const [program, ...own] = PROGRAMS[command](process.env.COUNTERSIGN_PROFILE === 'demo');
  await runProgram(program, [...own, ...args]);
}

async function runProgram(program, args) {
  await (await import('./build.mjs')).ensureBuilt();
  const path = join(root, 'dist', program);
  process.argv = [process.argv[0], path, ...args];
  const require = createRequire(import.meta.url);
  try {
    require.resolve(path);
  } catch {
    throw new Refusal(`There is no ${program.replace(/\.js$/, '.ts')} in this repository.`);
  }
  require(path);
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error instanceof Refusal ? error.message : error?.stack}\n`);
  process.exitCode = 1;
});
