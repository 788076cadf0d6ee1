/** One transform for our TypeScript and for the ESM-only packages, which Jest on Node 20 cannot `require`. */
const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'commonjs' },
};

const esmOnly = [
  '@nestjs',
  'cookie',
  'file-type',
  'strtok3',
  'token-types',
  'uint8array-extras',
  '@tokenizer',
  '@borewit',
  'jose',
  'uuid',
  'typebox',
  '@bufbuild',
  'yaml',
];

module.exports = {
  rootDir: '.',
  testEnvironment: 'node',
  roots: ['<rootDir>/libs', '<rootDir>/contracts', '<rootDir>/services', '<rootDir>/test', '<rootDir>/deploy'],
  testMatch: ['**/*.{unit,int,kafka,e2e}.spec.ts'],
  moduleNameMapper: {
    '^#libs/(.*)$': '<rootDir>/libs/$1/index.ts',
    '^#contracts/(.*)$': '<rootDir>/contracts/$1.ts',
    '^#services/(.*)$': '<rootDir>/services/$1/src/service.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.(ts|js|mjs)$': ['@swc/jest', swc] },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.countersign'],
  testTimeout: 60_000,
};
