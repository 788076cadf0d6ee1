import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './project.mjs';

/** The tools of node_modules by the file that Node runs: no shell, no .cmd wrappers, the same on every system. */
const TOOLS = {
  tsc: 'typescript/bin/tsc',
  jest: 'jest/bin/jest.js',
  prettier: 'prettier/bin/prettier.cjs',
  eslint: 'eslint/bin/eslint.js',
  depcruise: 'dependency-cruiser/bin/dependency-cruise.mjs',
  knip: 'knip/bin/knip.js',
};

/** Command and arguments that run one of `TOOLS`. */
export function tool(name, ...args) {
  return [process.execPath, [join(root, 'node_modules', TOOLS[name]), ...args]];
}

/**
 * Runs a program in the root of the repository. A signal that we get while it runs is its own affair (the terminal sends
 * Ctrl-C to both of us): we wait for its end.
 * @param {{ output?: 'inherit' | 'stderr' | ((text: string) => void), env?: NodeJS.ProcessEnv, onSpawn?: (child: import('node:child_process').ChildProcess) => void }} options
 * @returns {Promise<number>} the exit code; 128 + n when signal n ended it.
 */
export function runTool(command, args, { output = 'inherit', env, onSpawn } = {}) {
  const streams = typeof output === 'function' ? ['pipe', 'pipe'] : [output === 'stderr' ? 2 : 'inherit', 'inherit'];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['inherit', ...streams],
      env: { ...process.env, ...env },
      shell: process.platform === 'win32' && command.endsWith('.cmd'),
    });
    onSpawn?.(child);
    const waitForChild = () => undefined;
    const terminate = () => child.kill('SIGTERM');
    process.on('SIGINT', waitForChild);
    process.on('SIGTERM', terminate);
    if (typeof output === 'function') {
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', output);
    }
    const settle = () => {
      process.off('SIGINT', waitForChild);
      process.off('SIGTERM', terminate);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code, signal) => {
      settle();
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}
