import { spawn, spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { reportNotRun } from './not-run';

const OLDEST = '3.9';
/** A package that a test's program imports. */
export interface PythonPackage {
  /** As pip names it. */
  readonly name: string;
  /** A program that ends well where the package is there. */
  readonly probe: string;
  /** Under test/: what pip has installed there, once for each checkout, where the machine's own Python lacks the package. */
  readonly folder: string;
}

const CRYPTOGRAPHY: PythonPackage = {
  name: 'cryptography',
  probe: 'from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey',
  folder: 'verifier',
};
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
 * Gives the spec file a Python with a package: `const python = usePython(); python.describe(...)`. On a machine that cannot have one, the file is reported as not run, with what to install; with REQUIRE_PYTHON=1 it fails.
 */
export function usePython(wanted: PythonPackage = CRYPTOGRAPHY): TestPython {
  const found = findPython(wanted);
  if ('reason' in found) {
    reportNotRun({ need: `Python with ${wanted.name}`, variable: 'REQUIRE_PYTHON', reason: found.reason });
  }
  return {
    describe: 'reason' in found ? describe.skip : describe,
    run: (program, args, input = '') => {
      if ('reason' in found) return Promise.reject(new Error(found.reason));
      return run(found.command, [program, ...args], input, environmentOf(wanted));
    },
  };
}

/** The machine's own, or one that pip gives the package to; else what to install. */
function findPython(wanted: PythonPackage): { readonly command: string } | { readonly reason: string } {
  let has = 'no Python';
  for (const command of ['python3', 'python']) {
    const [executable, version] = lookAt(command, environmentOf(wanted));
    if (executable === undefined || version === undefined) continue;
    if (!isRecent(version)) {
      has = `Python ${version}`;
      continue;
    }
    if (hasPackage(executable, wanted)) return { command: executable };
    const failure = installPackage(executable, wanted);
    if (failure === undefined) return { command: executable };
    has = `Python ${version} without ${wanted.name}, which pip could not install (${failure})`;
  }
  const how =
    `install Python ${OLDEST} or later and its package ${wanted.name} ` +
    `(Debian, Ubuntu: apt install python3 python3-pip; then pip install ${wanted.name})`;
  return { reason: `No Python with ${wanted.name}: ${how}. This machine has ${has}.` };
}

/** The program itself (on the path there can be a wrapper that is slow to start) and its version; nothing for no Python. */
function lookAt(command: string, env: NodeJS.ProcessEnv): string[] {
  const program = 'import sys; print(sys.executable, "%d.%d" % sys.version_info[:2], sep="\\n")';
  const { stdout, status } = ask(command, ['-c', program], env);
  return status === 0 ? stdout.trim().split(/\r?\n/) : [];
}

function isRecent(version: string): boolean {
  return version.localeCompare(OLDEST, 'en', { numeric: true }) >= 0;
}

function hasPackage(command: string, wanted: PythonPackage): boolean {
  return ask(command, ['-c', wanted.probe], environmentOf(wanted)).status === 0;
}

/** Returns pip's last words when it could not; undefined when the package is there now. */
function installPackage(command: string, wanted: PythonPackage): string | undefined {
  const packages = packagesOf(wanted);
  const env = environmentOf(wanted);
  const partial = `${packages}.${process.pid}`;
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '15'];
  const args = ['-m', 'pip', 'install', ...quiet, '--only-binary', ':all:', '--target', partial, wanted.name];
  const { stderr, status } = ask(command, args, env, INSTALL_TIMEOUT_MS);
  // Another process can have been as fast; what is there else was for another Python.
  if (status === 0 && !hasPackage(command, wanted)) {
    rmSync(packages, { recursive: true, force: true });
    renameSync(partial, packages);
  }
  rmSync(partial, { recursive: true, force: true });
  if (status === 0 && hasPackage(command, wanted)) return undefined;
  return stderr.trim().split('\n').at(-1) || 'no answer';
}

const packagesOf = ({ folder }: PythonPackage): string => join(repositoryRoot, 'test', folder, 'packages');

const environmentOf = (wanted: PythonPackage): NodeJS.ProcessEnv => ({
  ...process.env,
  PYTHONPATH: packagesOf(wanted),
  PYTHONDONTWRITEBYTECODE: '1',
});

function ask(command: string, args: readonly string[], env: NodeJS.ProcessEnv, timeout = 20_000) {
  return spawnSync(command, args, { encoding: 'utf8', timeout, env });
}

function run(
  command: string,
  args: readonly string[],
  input: string | Uint8Array,
  env: NodeJS.ProcessEnv,
): Promise<PythonOutput> {
  const child = spawn(command, args, { cwd: repositoryRoot, env, stdio: 'pipe' });
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
