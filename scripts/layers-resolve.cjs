const { join } = require('node:path');

const root = join(__dirname, '..');

/** For dependency-cruiser alone: where package.json's `imports` come from, before they are built. */
module.exports = {
  resolve: {
    extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    alias: {
      '#services/*': join(root, 'services/*/src/service.ts'),
      '#contracts/*': join(root, 'contracts/*.ts'),
      '#libs/*': join(root, 'libs/*/index.ts'),
    },
  },
};
