import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal, root } from './project.mjs';
import { runTool } from './run-tool.mjs';

/**
 * Runs `npm ci` when what is installed is not what package-lock.json says. npm's own progress goes to standard error,
 * so that standard output stays the command's.
 * @param folder of the package.json: the project's, or that of a tool that has one of its own.
 */
export async function ensureInstalled(folder = root) {
  const missing = missingPackages(
    readPackages(join(folder, 'package-lock.json')),
    readPackages(join(folder, 'node_modules', '.package-lock.json')),
  );
  if (missing.length === 0) return;
  process.stderr.write(`Installing ${missing.length} packages (npm ci) ...\n`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['ci', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error'];
  const exitCode = await runTool(npm, args, { output: 'stderr' });
  if (exitCode !== 0) {
    throw new Refusal(`npm ci failed (exit code ${exitCode}); its messages above say why. Is the network reachable?`);
  }
}

/**
 * The locked packages that are absent or have another version. Compared by content, not by time: a checkout sets new
 * times on old files. Optional ones may be absent (other platforms').
 * @param locked the `packages` of package-lock.json
 * @param installed those of npm's own record of what it installed, node_modules/.package-lock.json
 */
export function missingPackages(locked, installed) {
  return Object.entries(locked).flatMap(([path, { version, optional, devOptional, peer, link }]) => {
    if (path === '' || link) return [];
    const found = installed[path];
    if (!found) return optional || devOptional || peer ? [] : [path];
    return found.version === version ? [] : [path];
  });
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {};
}
