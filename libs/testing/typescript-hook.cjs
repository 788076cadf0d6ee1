// What `runTypeScript` preloads: lets a process of a test run TypeScript from the sources, without a build.
const { existsSync, readFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');
const { transformSync } = require('@swc/core');

const root = join(__dirname, '..', '..');
const targets = {
  '#libs/': (name) => `libs/${name}/index.ts`,
  '#contracts/': (name) => `contracts/${name}.ts`,
  '#services/': (name) => `services/${name}/src/service.ts`,
};

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  for (const [prefix, target] of Object.entries(targets)) {
    if (request.startsWith(prefix)) return join(root, target(request.slice(prefix.length)));
  }
  if (request.startsWith('.') && parent?.filename?.endsWith('.ts')) {
    const path = join(parent.path, request);
    const found = [`${path}.ts`, join(path, 'index.ts')].find((file) => existsSync(file));
    if (found) return found;
  }
  return resolve.call(this, request, parent, ...rest);
};

function compile(source, filename) {
  return transformSync(source, {
    filename,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
    swcrc: false,
  }).code;
}

Module._extensions['.ts'] = (module, filename) => {
  module._compile(compile(readFileSync(filename, 'utf8'), filename), filename);
};

exports.run = () => {
  const filename = join(root, 'test-program.ts');
  const program = new Module(filename);
  program.filename = filename;
  program.paths = Module._nodeModulePaths(root);
  program._compile(compile(process.env.COUNTERSIGN_TEST_PROGRAM, filename), filename);
};
