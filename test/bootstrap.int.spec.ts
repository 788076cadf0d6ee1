import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';

/** Calls an exported function of a script with JSON arguments; resolves to what it returns, or to the message it throws. */
function call(script: string, name: string, ...args: unknown[]): unknown {
  const program = `
    import(${JSON.stringify(join(repositoryRoot, 'scripts', script))})
      .then((module) => module.${name}(...${JSON.stringify(args)}))
      .then((value) => console.log(JSON.stringify({ value })), (error) => console.log(JSON.stringify({ error: error.message })));`;
  const { stdout } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

function run(...args: string[]) {
  return spawnSync(process.execPath, [join(repositoryRoot, 'scripts', 'run.mjs'), ...args], { encoding: 'utf8' });
}

describe('the bootstrap that every npm script runs', () => {
  it.each(['20.19.0', '20.20.2', '22.12.0', '24.1.0', '26.0.0'])('runs on Node %s', (version) => {
    expect(call('node-version.mjs', 'requireNodeVersion', version)).toEqual({});
  });

  it.each(['18.20.0', '20.18.3', '21.7.0', '22.11.0'])('refuses Node %s, and says what to install', (version) => {
    const { error } = call('node-version.mjs', 'requireNodeVersion', version) as { error: string };
    expect(error).toContain(`this is Node ${version}`);
    expect(error).toContain('Install');
  });

  it('installs when a locked package is absent or of another version, and does not for an optional one', () => {
    const locked = {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '2.0.0' },
      'node_modules/c': { version: '1.0.0', optional: true },
    };
    const a = { version: '1.0.0' };
    const missing = (installed: object) => call('install.mjs', 'missingPackages', locked, installed);
    expect(missing({})).toEqual({ value: ['node_modules/a', 'node_modules/b'] });
    expect(missing({ 'node_modules/a': a, 'node_modules/b': { version: '1.9.0' } })).toEqual({
      value: ['node_modules/b'],
    });
    expect(missing({ 'node_modules/a': a, 'node_modules/b': { version: '2.0.0' } })).toEqual({ value: [] });
  });

  it('says how it is used when it is not told what to do', () => {
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^usage: npm run demo/);
  });

  it('builds when it has to, and runs the program that it was asked for', () => {
    const { status, stdout, stderr } = run('reset', '--yes', '--data', join(tmpdir(), 'countersign-was-never-here'));
    expect({ status, stderr: stderr.replace('Building (tsc -b) ...\n', '') }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/does not exist: there is nothing to empty/);
  }, 600_000);

  it('says what the parts of the tests are when it does not know one', () => {
    const { status, stderr } = run('test', 'unitt');
    expect(status).toBe(1);
    expect(stderr).toContain('unit, int, kafka, e2e');
  });
});
