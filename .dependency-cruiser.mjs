// The import directions of the design: main -> gateway -> provider, main -> functions -> {provider, registry, cni,
// containerd, secrets, logs}; the leaves are strangers to each other; other folders are entered by their index.ts only.
const leaf = (folder) => ({
  name: `${folder}-is-a-leaf`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${folder}/|(log|durable-file)\\.ts$)` },
});

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...['provider', 'registry', 'cni', 'containerd', 'secrets', 'logs'].map(leaf),
    {
      name: 'gateway-knows-only-the-provider',
      severity: 'error',
      from: { path: '^src/gateway/' },
      to: { path: '^src/', pathNot: '^src/(gateway/|provider/index\\.ts$|log\\.ts$)' },
    },
    {
      name: 'functions-knows-no-gateway',
      severity: 'error',
      from: { path: '^src/functions/' },
      to: { path: '^src/(gateway/|main\\.ts|config\\.ts|index\\.ts)' },
    },
    {
      name: 'other-folders-by-their-index',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/', pathNot: '^src/($1/|[^/]+/index\\.ts$)' },
    },
    {
      name: 'top-files-enter-folders-by-their-index',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/[^/]+/', pathNot: '^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'the-package-exports-the-sdk',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/', pathNot: '^src/provider/index\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts'] },
  },
};
