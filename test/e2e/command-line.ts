import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';

export interface CommandOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npx countersign ARGS` as built, in a process of its own, without the build check of the wrapper. */
export function countersign(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): Promise<CommandOutput> {
  const program = join(repositoryRoot, 'dist', 'services', 'cli', 'src', 'main.js');
  const child = spawn(process.execPath, [program, ...args], {
    cwd: repositoryRoot,
    env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: undefined, COUNTERSIGN_TOKEN: undefined, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString('utf8')));
  // A command that wants no input may have ended before it is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
  });
}
