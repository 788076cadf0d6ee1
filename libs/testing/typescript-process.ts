import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '#libs/local';

/** A process of a test that can be killed as the power cut would. */
export interface TypeScriptProcess {
  readonly child: ChildProcess;
  /** The lines of its standard output so far. */
  readonly lines: readonly string[];
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Runs a TypeScript file of ours as a process of its own; what it writes to standard error goes to ours. */
export function spawnTypeScript(file: string, args: readonly string[]): TypeScriptProcess {
  const loader = join(repositoryRoot, 'libs', 'testing', 'typescript-loader.cjs');
  const child = spawn(process.execPath, ['--no-warnings', '-r', loader, file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const gone = once(child, 'exit');
  return {
    child,
    lines,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
