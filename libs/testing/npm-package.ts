import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';
import { reportNotRun, type MissingNeed } from './not-run';

const INSTALL_TIMEOUT_MS = 2 * 60_000;

/**
 * Installs the packages of a folder of tests that has a package.json of its own, once for each checkout, and returns Jest's
 * `describe`. On a machine that cannot have them the file is reported as not run; with the variable set to 1 it fails.
 * @param folder under test/.
 * @param needed a package of it.
 */
export function useNpmPackage(folder: string, needed: string, variable: MissingNeed['variable']): jest.Describe {
  const path = join(repositoryRoot, 'test', folder);
  if (existsSync(join(path, 'node_modules', needed))) return describe;
  const { status, stderr, error } = spawnSync(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['ci', '--prefix', path, '--no-audit', '--no-fund', '--loglevel=error'],
    { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS, shell: process.platform === 'win32' },
  );
  if (status === 0) return describe;
  const why = error?.message ?? stderr.trim().split('\n').at(-1) ?? 'no answer';
  reportNotRun({ need: needed, variable, reason: `npm could not install ${needed}: run npm ci in ${path} (${why}).` });
  return describe.skip;
}
