/** The layers that docs/architecture.md describes, enforced by `npm run verify`. */
const composition = '^services/(all-in-one|demo|cli)/';

/** Packages that only compute, each named: domain/ may use them rather than parse addresses and domains by itself. */
const computing = '^(node_modules/(typebox|tldts|ipaddr\\.js|@bufbuild/re2)/|url$)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment:
        'domain/ knows the kernel, the playbook language, the warrant, the contracts, and packages that only compute: no I/O, no framework.',
      severity: 'error',
      from: { path: '^services/[^/]+/src/domain/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: ['^services/[^/]+/src/domain/', '^libs/(kernel|cacao|warrant)/', '^contracts/', computing] },
    },
    {
      name: 'domain-of-its-own-service',
      severity: 'error',
      from: { path: '^services/([^/]+)/src/domain/' },
      to: { path: '^services/', pathNot: '^services/$1/src/domain/' },
    },
    {
      name: 'no-service-imports-another',
      comment: 'Services know each other by contracts/ alone. Only the compositions put several together.',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: composition },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'compositions-use-the-definition',
      comment: 'What a composition may see of a service is its definition, not its inside.',
      severity: 'error',
      from: { path: composition },
      to: { path: '^services/[^/]+/src/', pathNot: ['^services/[^/]+/src/service\\.ts$', composition] },
    },
    {
      name: 'libs-know-no-service',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^services/' },
    },
    {
      name: 'contracts-know-the-kernel-only',
      severity: 'error',
      from: { path: '^contracts/', pathNot: ['\\.spec\\.ts$', '^contracts/(generate|compatible)\\.ts$'] },
      to: { path: '^(libs|services)/', pathNot: '^libs/kernel/' },
    },
    {
      name: 'kernel-knows-nobody',
      severity: 'error',
      from: { path: '^libs/kernel/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(libs|services|contracts)/', pathNot: '^libs/kernel/' },
    },
    {
      name: 'kafkajs-in-the-bus-only',
      severity: 'error',
      from: { pathNot: '^libs/bus/' },
      to: { path: 'node_modules/kafkajs/' },
    },
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: {
        path: '^(libs|services|contracts)/',
        pathNot: ['\\.(spec|fixture)\\.ts$', '^libs/testing/', '/conformance'],
      },
      to: { path: ['\\.(spec|fixture)\\.ts$', '^libs/testing/'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { pathNot: 'node_modules' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|services/console)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    // The `imports` of package.json lead to dist/; here they lead to the sources.
    webpackConfig: { fileName: './scripts/layers-resolve.cjs' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
      mainFields: ['main', 'module', 'types'],
    },
    reporterOptions: { text: { highlightFocused: true } },
  },
};
