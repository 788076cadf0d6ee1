import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { useKafka } from '#libs/testing';

const LIMIT_MS = 900_000;
/** Drawn once; any other has to do as well. `npm run chaos` takes a new one each time. */
const SEED = '20261128';

const kafka = useKafka();

/** `npm run chaos -- ARGS` as built; resolves to its exit code and all that it said. */
function chaos(...args: readonly string[]): Promise<{ code: number | null; said: string }> {
  const program = join(repositoryRoot, 'dist', 'test', 'chaos', 'main.js');
  const env = { ...process.env, NODE_OPTIONS: '', NODE_ENV: undefined };
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], { cwd: repositoryRoot, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}

kafka.describe('whatever is killed, paused or cut off', () => {
  it(
    'costs nothing: the books balance after each round of faults',
    async () => {
      const shape = ['--rounds', '2', '--faults', '8', '--seconds', '16', '--twins', 'case,playbook-orchestrator'];
      const { code, said } = await chaos('--seed', SEED, ...shape);
      // What it said tells, when this fails, what was done to it and what does not balance.
      expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' });
      expect(JSON.parse(said.trimEnd().split('\n').at(-1) ?? '')).toEqual({
        seed: Number(SEED),
        rounds: 2,
        faults: 16,
        balanced: true,
      });
    },
    LIMIT_MS,
  );
});
