import { spawn, spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { reportNotRun } from './not-run';

const OLDEST = '3.9';
const PACKAGE = 'cryptography';
/** What pip has installed, once for each checkout, where the machine's own Python lacks the package. */
const packages = join(repositoryRoot, 'test', 'verifier', 'packages');
const INSTALL_TIMEOUT_MS = 3 * 60_000;

/** What a Python program has said, and how it ended. */
export interface PythonOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The Python of one spec file. */
export interface TestPython {
  /** Jest's `describe`, or one that reports the suite as not run. */
  readonly describe: jest.Describe;
  /** @param input what the program reads from standard input. */
  run(program: string, args: readonly string[], input?: string | Uint8Array): Promise<PythonOutput>;
}

/**
 * Gives the spec file a Python with the package `cryptography`: `const python = usePython(); python.describe(...)`. On a
 * machine that cannot have one, the file is reported as not run, with what to install; with REQUIRE_PYTHON=1 it fails.
 */
export function usePython(): TestPython {
  const found = findPython();
  if ('reason' in found) {
    reportNotRun({ need: `Python with ${PACKAGE}`, variable: 'REQUIRE_PYTHON', reason: found.reason });
  }
  return {
    describe: 'reason' in found ? describe.skip : describe,
    run: (program, args, input = '') => {
      if ('reason' in found) return Promise.reject(new Error(found.reason));
      return run(found.command, [program, ...args], input);
    },
  };
}

/** The machine's own, or one that pip gives the package to; else what to install. */
function findPython(): { readonly command: string } | { readonly reason: string } {
  let has = 'no Python';
  for (const command of ['python3', 'python']) {
    const [executable, version] = lookAt(command);
    if (executable === undefined || version === undefined) continue;
    if (!isRecent(version)) {
      has = `Python ${version}`;
      continue;
    }
    if (hasPackage(executable)) return { command: executable };
    const failure = installPackage(executable);
    if (failure === undefined) return { command: executable };
    has = `Python ${version} without ${PACKAGE}, which pip could not install (${failure})`;
  }
  const how =
    `install Python ${OLDEST} or later and its package ${PACKAGE} ` +
    `(Debian, Ubuntu: apt install python3 python3-cryptography; elsewhere: pip install ${PACKAGE})`;
  return { reason: `No Python with ${PACKAGE}: ${how}. This machine has ${has}.` };
}

/** The program itself (on the path there can be a wrapper that is slow to start) and its version; nothing for no Python. */
function lookAt(command: string): string[] {
  const { stdout, status } = ask(command, [
    '-c',
    'import sys; print(sys.executable, "%d.%d" % sys.version_info[:2], sep="\\n")',
  ]);
  return status === 0 ? stdout.trim().split(/\r?\n/) : [];
}

function isRecent(version: string): boolean {
  return version.localeCompare(OLDEST, 'en', { numeric: true }) >= 0;
}

function hasPackage(command: string): boolean {
  const program = `from ${PACKAGE}.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey`;
  return ask(command, ['-c', program]).status === 0;
}

/** Returns pip's last words when it could not; undefined when the package is there now. */
function installPackage(command: string): string | undefined {
  const partial = `${packages}.${process.pid}`;
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '15'];
  const args = ['-m', 'pip', 'install', ...quiet, '--only-binary', ':all:', '--target', partial, PACKAGE];
  const { stderr, status } = ask(command, args, INSTALL_TIMEOUT_MS);
  // Another process can have been as fast; what is there else was for another Python.
  if (status === 0 && !hasPackage(command)) {
    rmSync(packages, { recursive: true, force: true });
    renameSync(partial, packages);
  }
  rmSync(partial, { recursive: true, force: true });
  if (status === 0 && hasPackage(command)) return undefined;
  return stderr.trim().split('\n').at(-1) || 'no answer';
}

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' });

function ask(command: string, args: readonly string[], timeout = 20_000) {
  return spawnSync(command, args, { encoding: 'utf8', timeout, env: environment() });
}

function run(command: string, args: readonly string[], input: string | Uint8Array): Promise<PythonOutput> {
  const child = spawn(command, args, { cwd: repositoryRoot, env: environment(), stdio: 'pipe' });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // A program that wants no input may have ended before it is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
  });
}
