import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { runTypeScript } from '#libs/testing';

/** `npx countersign ARGS` from the sources, in a process of its own. */
export async function countersign(args: readonly string[]) {
  const program = join(repositoryRoot, 'services', 'cli', 'src', 'main.ts');
  const child = runTypeScript(
    `process.argv = [process.execPath, ${JSON.stringify(program)}, ...${JSON.stringify(args)}];
     require(${JSON.stringify(program)});`,
  );
  const output = { stdout: '', stderr: '' };
  child.process.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('utf8')));
  child.process.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString('utf8')));
  await child.ended();
  return { code: child.process.exitCode, ...output };
}
