/**
 * Lets a test spawn one of our TypeScript files as a process of its own, to kill it: `node -r typescript-loader.cjs x.ts`.
 * The same transform as in jest.config.cjs; our imports resolve to the sources, not to dist/.
 */
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join, resolve } = require('node:path');
const { transformSync } = require('@swc/core');

const root = resolve(__dirname, '..', '..');
const [, swc] = require(join(root, 'jest.config.cjs')).transform['^.+\\.(ts|js|mjs)$'];

Module._extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), { filename, sourceMaps: 'inline', ...swc });
  module._compile(code, filename);
};

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  const [, kind, name] = /^#(libs|contracts)\/(.+)$/.exec(request) ?? [];
  const source = kind === 'libs' ? join(root, 'libs', name, 'index.ts') : kind && join(root, 'contracts', `${name}.ts`);
  return resolveFilename.call(this, source ?? request, ...rest);
};
