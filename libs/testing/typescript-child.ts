import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';

/** A process of its own that a test can kill -9. */
export interface TypeScriptChild {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Resolves to the next line that it writes to standard output; rejects with its standard error when it ends first. */
  nextLine(): Promise<string>;
  /** Resolves when it has ended. */
  ended(): Promise<void>;
  kill(signal?: NodeJS.Signals): void;
}

/**
 * Runs a TypeScript program from the sources: for tests of what happens when a process is killed.
 * @param program its text; it may import `#libs/...` and `#contracts/...`.
 */
export function runTypeScript(program: string, env: NodeJS.ProcessEnv = {}): TypeScriptChild {
  const hook = join(repositoryRoot, 'libs', 'testing', 'typescript-hook.cjs');
  const child = spawn(process.execPath, ['--no-warnings', '-r', hook, '-e', `require(${JSON.stringify(hook)}).run()`], {
    cwd: repositoryRoot,
    env: { ...process.env, NODE_OPTIONS: '', ...env, COUNTERSIGN_TEST_PROGRAM: program },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let rest = '';
  let errors = '';
  let over = false;
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const next = waiting.shift();
      if (next) next.resolve(line);
      else lines.push(line);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const failure = (): Error => new Error(`the program ended before its next line:\n${errors}`);
  void ended.then(() => {
    over = true;
    for (const { reject } of waiting.splice(0)) reject(failure());
  });
  return {
    process: child,
    pid: child.pid ?? 0,
    ended: () => ended,
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    nextLine: () => {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (over) return Promise.reject(failure());
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  };
}
