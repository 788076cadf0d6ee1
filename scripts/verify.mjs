import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled } from './install.mjs';
import { Refusal, root } from './project.mjs';
import { runTool, tool } from './run-tool.mjs';

const CHECKS = [
  ['lock files: no addresses', checkLockFiles],
  ['format (prettier)', () => run(...tool('prettier', '--check', '--log-level=warn', '.'))],
  ['lint (eslint)', () => run(...tool('eslint', '.'))],
  ['types and build (tsc)', () => run(...tool('tsc', '-b'))],
  ['layers (dependency-cruiser)', () => run(...tool('depcruise', '--config', '.dependency-cruiser.cjs', ...LAYERS))],
  ['contracts in step', () => run(process.execPath, [join(root, 'dist/contracts/generate.js'), '--check'])],
  ['contracts compatible', () => run(process.execPath, [join(root, 'dist/contracts/compatible.js')])],
  ['AsyncAPI document (@asyncapi/parser)', checkAsyncApi],
  ['nothing unused (knip)', () => run(...tool('knip', '--no-progress'))],
];
const LAYERS = ['contracts', 'libs', 'services'];
const ASYNCAPI_CHECK = join('test', 'asyncapi');
/** Each with a package-lock.json. */
const PACKAGES = ['.', ASYNCAPI_CHECK, join('test', 'bench'), join('test', 'splunk-hec')];

/** Runs every check, whatever became of those before, and ends with what each came to. */
export async function verify() {
  const summary = [];
  for (const [name, check] of CHECKS) {
    const started = performance.now();
    const { ok, output } = await check();
    const line = `${ok ? 'ok    ' : 'FAILED'}  ${name}  (${((performance.now() - started) / 1000).toFixed(1)} s)`;
    process.stdout.write(`${line}\n`);
    if (!ok) process.stdout.write(`${output.trimEnd()}\n\n`);
    summary.push({ ok, line });
  }
  const failed = summary.filter(({ ok }) => !ok);
  process.stdout.write(`\n${summary.map(({ line }) => line).join('\n')}\n`);
  process.stdout.write(
    failed.length === 0 ? 'verify: all checks passed\n' : `verify: ${failed.length} checks FAILED\n`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

async function run(command, args) {
  let output = '';
  const exitCode = await runTool(command, args, { output: (text) => (output += text) });
  return { ok: exitCode === 0, output };
}

/** A lock file that names a registry would send everybody to that registry, whatever they have configured. */
function checkLockFiles() {
  const named = PACKAGES.flatMap((folder) => {
    const file = join(folder, 'package-lock.json');
    const { packages } = JSON.parse(readFileSync(join(root, file), 'utf8'));
    const resolved = Object.entries(packages).filter(([, { resolved }]) => /^https?:/.test(resolved ?? ''));
    return resolved.map(([path, { resolved }]) => `${file}: ${path}: resolved ${resolved}`);
  });
  return { ok: named.length === 0, output: named.join('\n') };
}

/** The parser brings 170 packages along: it is installed here and not with the project. */
async function checkAsyncApi() {
  const folder = join(root, ASYNCAPI_CHECK);
  try {
    await ensureInstalled(folder);
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, output: error.message };
    throw error;
  }
  return run(process.execPath, [join(folder, 'check.mjs')]);
}
