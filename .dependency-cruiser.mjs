// The import law of the design: main -> {cli, daemon} -> {gateway, stack, backends} -> provider, backends/containerd -> {registry, cni,
// containerd, secrets, logs}, backends/kubernetes -> registry. Those leaves and the back ends are strangers to each other. Everything may import base, which
// imports nothing. A folder is entered by its index.ts only, base by its files.
const law = {
  base: [],
  registry: ['base'],
  cni: ['base'],
  containerd: ['base'],
  secrets: ['base'],
  logs: ['base'],
  provider: ['base'],
  contract: ['base', 'provider'],
  stack: ['base', 'provider'],
  gateway: ['base', 'provider'],
  'backends/containerd': ['base', 'provider', 'registry', 'cni', 'containerd', 'secrets', 'logs'],
  'backends/kubernetes': ['base', 'provider', 'registry'],
  cli: [
    'base',
    'provider',
    'stack',
    'daemon',
    'backends/containerd',
    'backends/kubernetes',
    'registry',
    'cni',
    'containerd',
  ],
  daemon: [
    'base',
    'provider',
    'stack',
    'gateway',
    'backends/containerd',
    'backends/kubernetes',
    'registry',
    'cni',
    'containerd',
    'secrets',
    'logs',
  ],
};

const inside = (folder) => `^src/${folder}/`;

const only = ([folder, allowed]) => ({
  name: `${folder.replace('/', '-')}-imports-only-${['itself', ...allowed].join('-').replace('/', '-')}`,
  severity: 'error',
  from: { path: inside(folder) },
  to: { path: '^src/', pathNot: [folder, ...allowed].map(inside) },
});

const byItsIndex = (folder) => ({
  name: `${folder.replace('/', '-')}-by-its-index`,
  severity: 'error',
  from: { path: '^src/', pathNot: [inside(folder), '^src/index\\.ts$'] },
  to: { path: inside(folder), pathNot: `^src/${folder}/index\\.ts$` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(law).map(only),
    ...Object.keys(law)
      .filter((folder) => folder !== 'base')
      .map(byItsIndex),
    {
      name: 'the-package-exports-the-sdk',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/', pathNot: '^src/provider/sdk\\.ts$' },
    },
    {
      name: 'every-folder-has-its-law',
      severity: 'error',
      from: { path: '^src/', pathNot: [...Object.keys(law).map(inside), '^src/[^/]+\\.ts$'] },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts'] },
  },
};
