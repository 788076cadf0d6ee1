import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: ['dist/**', 'node_modules/**', 'coverage/**', '**/*.cjs', '**/*.mjs', '.countersign/**'],
  },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'error',
    },
  },
  {
    // A rebuild points a projection's entities to a schema of its own: SQL that names the live one would write there.
    files: ['services/*/src/read/*.projection.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...['Literal[value=/svc_/]', 'TemplateElement[value.raw=/svc_/]'].map((selector) => ({
          selector,
          message: 'A projection reaches its tables by its entities, and never names the schema.',
        })),
      ],
    },
  },
);
