import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readStack, readStackText, type StackFile } from '../../../src/stack/read-stack.ts';

/** Reads a stack file with others beside it; paths in what is said are relative to their folder. */
async function read(text: string, { beside = {}, env = {} }: { beside?: Record<string, string>; env?: object } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'stack-'));
  try {
    for (const [name, content] of Object.entries({ ...beside, 'a.yml': text }))
      await writeFile(join(folder, name), content);
    const found = await readStack(join(folder, 'a.yml'), { env: { ...env }, defaultNamespace: 'openfaas-fn' });
    return JSON.parse(JSON.stringify(found).replaceAll(`${folder}/`, '')) as StackFile;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('all that faas-cli sends of a function is read, as the text that it is', async (t) => {
  const { functions, problems, warnings } = await read(`version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  orders:
    lang: node22
    handler: ./orders
    image: ghcr.io/me/orders:1
    fprocess: node index.js
    namespace: shop
    environment: { write_debug: true, OCTAL: 010, EMPTY: , QUOTED: "null", EXACT: 1.10 }
    secrets: [db, hub]
    constraints: ["node=pi"]
    labels: { com.openfaas.scale.min: 2 }
    annotations: { topic: a=b }
    limits: { memory: 64Mi, cpu: 100m }
    requests:
      memory: 32Mi
    readonly_root_filesystem: true
configuration:
  copy: [./common]
`);
  t.deepEqual([problems, warnings], [[], []]);
  t.deepEqual(functions, [
    {
      file: 'a.yml',
      line: 6,
      deployment: {
        name: 'orders',
        namespace: 'shop',
        image: 'ghcr.io/me/orders:1',
        envProcess: 'node index.js',
        envVars: { write_debug: 'true', OCTAL: '010', EMPTY: '', QUOTED: 'null', EXACT: '1.10' },
        secrets: ['db', 'hub'],
        constraints: ['node=pi'],
        labels: { 'com.openfaas.scale.min': '2' },
        annotations: { topic: 'a=b' },
        limits: { memory: '64Mi', cpu: '100m' },
        requests: { memory: '32Mi' },
        readOnlyRootFilesystem: true,
      },
    },
  ]);
});

test('what is empty is not sent', async (t) => {
  const { functions } = await read(`functions:
  a:
    image: x:1
    fprocess:
    environment:
    labels: {}
    secrets: []
    limits: ~
    readonly_root_filesystem: false
`);
  t.deepEqual(
    functions.map(({ deployment }) => deployment),
    [{ name: 'a', namespace: 'openfaas-fn', image: 'x:1' }],
  );
});

test('variables of the environment are put in, with their defaults', async (t) => {
  const text =
    'functions:\n  a:\n    image: ${REGISTRY:-docker.io}/x:${TAG:-${FALLBACK:-7}}\n    environment: { A: "${UNSET}", B: "$${KEPT}", C: "cost $5" }\n';
  const deployment = async (env: object) => (await read(text, { env })).functions[0]?.deployment;
  t.like(await deployment({}), { image: 'docker.io/x:7', envVars: { A: '', B: '${KEPT}', C: 'cost $5' } });
  t.like(await deployment({ REGISTRY: 'ghcr.io', TAG: '', FALLBACK: '8' }), { image: 'ghcr.io/x:8' });
});

test('environment files go before the environment, and later ones before earlier ones', async (t) => {
  const beside = {
    'one.yml': 'environment:\n  A: one\n  B: one\n',
    'two.yml': 'environment:\n  B: two\n',
  };
  const text = `functions:
  a:
    image: x:1
    environment: { A: stack, C: stack }
    environment_file: [one.yml, ./two.yml]
`;
  const { functions, environmentFiles } = await read(text, { beside });
  t.deepEqual(functions[0]?.deployment.envVars, { A: 'one', C: 'stack', B: 'two' });
  t.deepEqual(environmentFiles, ['one.yml', 'two.yml']);
  const alone = await read('environment:\n  A: one\n');
  t.deepEqual([alone.functions, alone.problems], [[], []], 'an environment file is no broken stack');
});

test('anchors and merge keys work', async (t) => {
  const { functions } = await read(`x-common: &common
  image: x:1
  labels: { team: a }
functions:
  a:
    <<: *common
  b:
    <<: *common
    image: y:1
`);
  t.deepEqual(
    functions.map(({ deployment: { name, image, labels } }) => [name, image, labels]),
    [
      ['a', 'x:1', { team: 'a' }],
      ['b', 'y:1', { team: 'a' }],
    ],
  );
});

const broken: [title: string, text: string, problem: RegExp][] = [
  ['half written', 'functions:\n  a:\n    image: "x', /^a\.yml:\d+: Missing closing "quote/],
  ['empty', '', /^a\.yml:1: is empty/],
  ['a comment alone', '# soon\n', /^a\.yml:1: is empty/],
  ['no map', 'just words\n', /^a\.yml:1: must be a map with functions/],
  ['no functions', 'services:\n  a:\n    image: x\n', /^a\.yml:1: has no functions/],
  ['another provider', 'provider:\n  name: knative\nfunctions: {}\n', /^a\.yml:2: provider.name is knative/],
  ['a name twice', 'functions:\n  a: { image: x }\n  a: { image: y }\n', /^a\.yml:3: Map keys must be unique/],
  ['no image', 'functions:\n  a:\n    lang: go\n', /^a\.yml:2: function a: image is missing/],
  ['no such name', 'functions:\n  b: { image: x }\n  Aa: { image: x }\n', /^a\.yml:3: function Aa: service "?Aa/],
  [
    'a list for a map',
    'functions:\n  a:\n    image: x\n    labels: [a]\n',
    /^a\.yml:4: functions\.a\.labels must be a map/,
  ],
  [
    'a map for a text',
    'functions:\n  a:\n    image: x\n    labels:\n      b: { c: d }\n',
    /^a\.yml:5: functions\.a\.labels\.b must be text/,
  ],
  [
    'no boolean',
    'functions:\n  a:\n    image: x\n    readonly_root_filesystem: maybe\n',
    /^a\.yml:4: .* must be true or f/,
  ],
  ['a bad amount', 'functions:\n  a:\n    image: x\n    limits: { memory: much }\n', /^a\.yml:2: function a: .*memory/],
  ['a bad secret', 'functions:\n  a:\n    image: x\n    secrets: ["../x"]\n', /^a\.yml:2: function a: secret/],
  [
    'no such environment file',
    'functions:\n  a:\n    image: x\n    environment_file: [no.yml]\n',
    /^a\.yml:2: .*no\.yml is not/,
  ],
  ['a variable without an end', 'functions:\n  a:\n    image: ${X\n', /^a\.yml:3: \$\{ has no \}/],
  ['a variable of bash', 'functions:\n  a:\n    image: ${X/a/b}\n', /^a\.yml:3: \$\{…\} takes NAME/],
  ['a function that is a text', 'functions:\n  a: x\n', /^a\.yml:2: functions\.a must be a map/],
];

for (const [title, text, problem] of broken) {
  test(`a broken file says where, and has no functions: ${title}`, async (t) => {
    const { functions, problems } = await read(text);
    t.deepEqual(functions, []);
    t.regex(problems[0] ?? '', problem);
  });
}

test('anchors that multiply without end are refused', async (t) => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'])
    lines.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);
  const { problems } = await read(`${lines.join('\n')}\nfunctions: {}\n`);
  t.regex(problems[0] ?? '', /^a\.yml:1: Excessive alias count/);
});

test('a field that nobody knows is told, and passed over', async (t) => {
  const { functions, warnings } = await read('functions:\n  a:\n    image: x\n    enviroment: { A: b }\n');
  t.is(functions.length, 1);
  t.deepEqual(warnings, ['a.yml:4: function a: enviroment is not known']);
});

test('what is no file is told', async (t) => {
  const { problems } = await readStack(tmpdir(), { env: {}, defaultNamespace: 'openfaas-fn' });
  t.deepEqual(problems, [`${tmpdir()}: it is no file`]);
});

test('of a text that was sent nothing of this host is read: neither variables nor files', async (t) => {
  const { functions, problems } = await readStackText(
    `functions:
  a:
    image: a:\${TAG:-1}
    labels: { x: "$\${kept}" }
`,
    'fn',
  );
  t.deepEqual(problems, []);
  t.like(functions[0]?.deployment, { name: 'a', namespace: 'fn', image: 'a:1', labels: { x: '${kept}' } });
  t.deepEqual((await readStackText('functions:\n  a:\n    image: a${PATH}', 'fn')).problems, [
    'stack.yml:3: ${PATH} has no value here: write what it stands for, or ${PATH:-default}',
  ]);
  const { problems: ofNames } = await readStackText('functions:\n  a:\n    image: ${toString}${constructor:-a}', 'fn');
  t.deepEqual(
    ofNames.map((problem) => problem.slice(0, 40)),
    ['stack.yml:3: ${toString} has no value he'],
  );
  t.deepEqual((await readStackText('functions: { a: { image: a, environment_file: [/etc/passwd] } }', 'fn')).problems, [
    'stack.yml:1: function a: environment_file is a file of yours: write its variables under environment',
  ]);
});
