import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Refusal, root } from './project.mjs';
import { runTool, tool } from './run-tool.mjs';

const SOURCES = ['contracts', 'libs', 'services', 'test', 'deploy'];
const SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json'];
const stampFile = join(root, 'dist', '.built.json');

/**
 * Builds dist/ with `tsc -b` when a source has changed since the last build. Knowing that takes milliseconds, where
 * asking tsc takes a second: `npx countersign` asks at every call.
 */
export async function ensureBuilt() {
  const sources = sourceFiles();
  const fingerprint = fingerprintOf(sources);
  const last = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : { sources: [] };
  if (last.fingerprint === fingerprint) return;
  process.stderr.write('Building (tsc -b) ...\n');
  removeOrphans(last.sources.filter((source) => !sources.includes(source)));
  let messages = '';
  const exitCode = await runTool(...tool('tsc', '-b'), { output: (text) => (messages += text) });
  if (exitCode !== 0) throw new Refusal(`The build failed:\n${messages.trimEnd()}`);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ fingerprint, sources }));
}

function sourceFiles() {
  return SOURCES.flatMap((folder) => walk(join(root, folder)))
    .map((path) => relative(root, path))
    .sort();
}

function walk(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'console' ? [] : walk(path);
    return /(?<!\.d)\.ts$/.test(entry.name) ? [path] : [];
  });
}

function fingerprintOf(sources) {
  const hash = createHash('sha256');
  for (const path of [...sources, ...SETTINGS]) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

/** tsc leaves the output of a source that is gone, where an import would still find it. */
function removeOrphans(gone) {
  for (const source of gone) {
    const output = join(root, 'dist', source.replace(/\.ts$/, '.js'));
    rmSync(output, { force: true });
    rmSync(`${output}.map`, { force: true });
  }
}
