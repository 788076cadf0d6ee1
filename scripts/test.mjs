import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { Refusal, root } from './project.mjs';
import { runTool, tool } from './run-tool.mjs';

/** In this order: what is quick to fail comes first. `serial` parts start whole systems and would starve each other. */
const PARTS = {
  unit: { serial: false },
  int: { serial: false },
  kafka: { serial: true },
  e2e: { serial: true },
};
const WORKER_BYTES = 1.2 * 1024 ** 3;
const HANG_MS = 20_000;

/**
 * Runs the parts named (all by default); whatever else is given goes to Jest. The last line is always
 * `N passed, N failed, N skipped`; above it stands what could not be run here, and what to install for it.
 */
export async function test(args) {
  const parts = args.filter((arg) => Object.hasOwn(PARTS, arg));
  const jestArgs = args.filter((arg) => !Object.hasOwn(PARTS, arg) && arg !== '--');
  if (jestArgs.some((arg) => /^(unit|int|kafka|e2e)/.test(arg))) {
    throw new Refusal(`npm test takes the parts ${Object.keys(PARTS).join(', ')}; not ${jestArgs.join(' ')}`);
  }
  // The suites of whole systems start processes from dist/; the others' sources are transformed by Jest itself.
  await ensureBuilt();
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  const notRunFile = join(folder, 'not-run');
  const total = { passed: 0, failed: 0, skipped: 0 };
  let broken = false;
  try {
    for (const part of parts.length > 0 ? parts : Object.keys(PARTS)) {
      const counts = await runPart(part, jestArgs, folder, notRunFile);
      for (const key of Object.keys(total)) total[key] += counts[key];
      broken ||= counts.broken;
    }
    await stopTestServers();
    const notRun = readNotRun(notRunFile);
    for (const { text } of notRun) process.stdout.write(`Not run: ${text}\n`);
    const required = new Set(notRun.map(({ variable }) => variable).filter((name) => process.env[name] === '1'));
    for (const name of required) process.stdout.write(`${name}=1: suites that were not run count as a failure.\n`);
    process.exitCode = broken || total.failed > 0 || required.size > 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
}

async function runPart(part, jestArgs, folder, notRunFile) {
  process.stdout.write(`\n${part} tests\n`);
  const outputFile = join(folder, `${part}.json`);
  const workers = PARTS[part].serial ? ['--runInBand'] : [`--maxWorkers=${workerCount()}`];
  const args = [
    `--testMatch=**/*.${part}.spec.ts`,
    ...workers,
    '--passWithNoTests',
    '--ci',
    '--json',
    `--outputFile=${outputFile}`,
  ];
  let watch;
  let hung = false;
  const exitCode = await runTool(...tool('jest', ...args, ...jestArgs), {
    env: { COUNTERSIGN_NOT_RUN_FILE: notRunFile },
    onSpawn: (child) => {
      watch = endWhatHangs(outputFile, child, () => (hung = true));
    },
  });
  clearInterval(watch);
  if (!existsSync(outputFile)) return { passed: 0, failed: 1, skipped: 0, broken: true };
  const result = JSON.parse(readFileSync(outputFile, 'utf8'));
  return {
    passed: result.numPassedTests,
    // A spec file that does not even load has no test to count: the file counts as one.
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.numPendingTests + result.numTodoTests,
    broken: exitCode !== 0 || !result.success || hung,
  };
}

/** Jest waits for ever for a test that left a socket or a timer open: after its results it gets a while, not for ever. */
function endWhatHangs(outputFile, child, report) {
  let since;
  return setInterval(() => {
    if (since === undefined && existsSync(outputFile)) since = performance.now();
    if (since === undefined || performance.now() - since < HANG_MS) return;
    process.stderr.write(
      'Jest has its results but does not end: a test left something open. This counts as a failure.\n',
    );
    report();
    child.kill('SIGKILL');
  }, 500);
}

/** As many as there are processors, and as there is memory for. */
function workerCount() {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / WORKER_BYTES)));
}

/** PostgreSQL and the broker of the tests stay up between spec files; after the last run nothing stays behind. */
async function stopTestServers() {
  const script = join(root, 'dist/libs/testing/stop-test-servers.js');
  if (existsSync(script)) await runTool(process.execPath, [script]);
}

/** Each line: the variable that makes it a failure, a tab, suite and reason. Said once, however often it was written. */
function readNotRun(file) {
  if (!existsSync(file)) return [];
  const lines = new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean));
  return [...lines].map((line) => {
    const [variable, text] = line.split('\t');
    return { variable, text };
  });
}
