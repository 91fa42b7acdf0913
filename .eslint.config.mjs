import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['src/containerd/generated/**'] },
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      // One import a module; `import type` where all of it is types, `type` beside each name where some is.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      'no-duplicate-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'ImportDeclaration[source.value="node:timers/promises"] > ImportSpecifier[imported.name="setTimeout"][local.name!="sleep"]',
          message: 'Import it as sleep.',
        },
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only src/main.ts reads the environment; take it as a parameter.',
        },
        { object: 'process', property: 'exit', message: 'Only src/main.ts ends the process.' },
      ],
    },
  },
  {
    // One docstring style: prose, then tags; TypeScript knows the types.
    plugins: { jsdoc },
    settings: { jsdoc: { mode: 'typescript' } },
    rules: {
      'jsdoc/check-alignment': 'error',
      'jsdoc/check-param-names': ['error', { checkDestructured: false, disableMissingParamChecks: true }],
      'jsdoc/check-tag-names': ['error', { definedTags: ['internal'] }],
      'jsdoc/empty-tags': 'error',
      'jsdoc/multiline-blocks': ['error', { noZeroLineText: false }],
      'jsdoc/no-bad-blocks': 'error',
      'jsdoc/no-blank-block-descriptions': 'error',
      'jsdoc/no-types': 'error',
      'jsdoc/require-param-description': 'error',
      'jsdoc/require-returns-description': 'error',
      'jsdoc/tag-lines': ['error', 'never', { startLines: 0 }],
      'jsdoc/match-description': [
        'error',
        {
          contexts: ['any'],
          mainDescription: {
            match: '/^(?!.*(?:^|\\. |\\n)Throws )(?!.*@(?:param|returns|throws)).*$/su',
            message: 'Say what is thrown by `@throws NAME when …`, on a line of its own.',
          },
          tags: {
            throws: { match: '/^[A-Z]\\w+.*[^.]$/su', message: 'Write `@throws NAME when …`, without a stop.' },
          },
        },
      ],
    },
  },
  {
    files: ['src/main.ts', 'test/**', 'examples/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    // A verb in memory awaits nothing; as an async function what it throws is a rejection.
    files: ['examples/**'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
);
