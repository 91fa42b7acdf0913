import test from 'ava';
import {
  defaultConfig,
  type FunctionDeployment,
  type FunctionName,
  handlersFor,
  NamespaceExistsError,
  NamespaceNotFoundError,
  type Provider,
  ProviderError,
  type Secret,
} from '../../../src/index.ts';
import { memoryProvider } from './memory-provider.ts';
import { type TestServer, withServer } from './with-server.ts';

const withProvider = (run: (server: TestServer) => Promise<void>, overrides: Partial<Provider> = {}): Promise<void> =>
  withServer(handlersFor({ ...memoryProvider(), ...overrides }), { config: { bodyLimitBytes: 10_000 } }, run);

const env = { service: 'env', image: 'alpine:latest' };

test('faas_function_label adds the label to what is told, and to nothing that is stored', async (t) => {
  const provider = memoryProvider();
  const handlers = handlersFor(provider, { ...defaultConfig, functionLabel: true });
  await withServer(handlers, {}, async ({ send }) => {
    const labels = { team: 'blue' };
    await send('POST', '/system/functions', { ...env, labels });
    const shown = { ...labels, faas_function: 'env' };
    t.like((JSON.parse((await send('GET', '/system/functions')).body) as object[])[0], { labels: shown });
    t.like(JSON.parse((await send('GET', '/system/function/env')).body), { labels: shown });
    t.deepEqual((await provider.status({ name: 'env', namespace: 'openfaas-fn' }, { usage: false })).labels, labels);
  });
});

test('functions are created, listed, described, scaled and removed with the codes that faas-cli wants', async (t) => {
  await withProvider(async ({ send }) => {
    t.like(await send('GET', '/system/functions'), { status: 200, body: '[]' });
    t.like(await send('PUT', '/system/functions', env), { status: 404, body: 'function env.openfaas-fn not found\n' });
    t.like(await send('POST', '/system/functions', env), { status: 202, body: '' });
    t.is((await send('POST', '/system/functions', env)).status, 409);
    t.is((await send('PUT', '/system/functions', env)).status, 200);
    t.is((await send('POST', '/system/scale-function/env', { serviceName: 'env', replicas: 0 })).status, 202);
    const { body, headers } = await send('GET', '/system/function/env?usage=1');
    t.is(headers['content-type'], 'application/json; charset=utf-8');
    t.deepEqual(JSON.parse(body), {
      name: 'env',
      namespace: 'openfaas-fn',
      image: 'alpine:latest',
      labels: {},
      annotations: {},
      replicas: 0,
      availableReplicas: 0,
    });
    t.is((await send('DELETE', '/system/functions', { functionName: 'env' })).status, 202);
    t.is((await send('DELETE', '/system/functions', { functionName: 'env' })).status, 404);
    t.is((await send('GET', '/system/function/env')).status, 404);
  });
});

test('an update that is still starting answers 202', async (t) => {
  await withProvider(
    async ({ send }) => {
      t.is((await send('PUT', '/system/functions', env)).status, 202);
    },
    { update: () => Promise.resolve('accepted') },
  );
});

test('a deployment is echoed exactly as it was sent', async (t) => {
  const sent = {
    ...env,
    envProcess: 'cat /x',
    envVars: { A: 'b=c', EMPTY: '' },
    constraints: ['c1'],
    secrets: ['s2', 's1.txt'],
    labels: { 'com.openfaas.scale.min': '2', upstream_uri: 'example.com' },
    annotations: { 'some-json': '{\n\t"a": "ü"\n }' },
    limits: { memory: '5Mi', cpu: '100m' },
    requests: { memory: '1Mi' },
    readOnlyRootFilesystem: true,
  };
  await withProvider(async ({ send }) => {
    await send('POST', '/system/functions', sent);
    const { service, ...rest } = sent;
    const [listed] = JSON.parse((await send('GET', '/system/functions')).body) as unknown[];
    t.deepEqual(listed, { ...rest, name: service, namespace: 'openfaas-fn', replicas: 1, availableReplicas: 1 });
  });
});

test('null and empty fields are as good as absent, labels and annotations are always answered', async (t) => {
  await withProvider(async ({ send }) => {
    const fields = {
      labels: null,
      annotations: null,
      envVars: {},
      limits: {},
      requests: null,
      constraints: [],
      secrets: null,
    };
    t.is((await send('POST', '/system/functions', { ...env, ...fields })).status, 202);
    const status = JSON.parse((await send('GET', '/system/function/env')).body) as object;
    t.deepEqual(Object.keys(status).sort(), [
      'annotations',
      'availableReplicas',
      'image',
      'labels',
      'name',
      'namespace',
      'replicas',
    ]);
  });
});

const dev = { name: 'env', namespace: 'dev' };
const scaleCases: [path: string, body: object][] = ['service', 'serviceName'].flatMap((field): [string, object][] => [
  ['/system/scale-function/env?namespace=dev', { [field]: 'env', replicas: 3 }],
  ['/system/scale-function/env', { [field]: 'env', namespace: 'dev', replicas: 3 }],
  ['/system/scale-function/env?namespace=other', { [field]: 'env', namespace: 'dev', replicas: 3 }],
  ['/system/scale-function/env?namespace=dev', { [field]: 'another', namespace: '', replicas: 3 }],
]);
for (const [path, body] of scaleCases) {
  test(`POST ${path} ${JSON.stringify(body)} scales env.dev`, async (t) => {
    const scaled: unknown[] = [];
    await withProvider(
      async ({ send }) => {
        t.is((await send('POST', path, body)).status, 202);
        t.deepEqual(scaled, [dev, 3]);
      },
      {
        scale: (...args) => {
          scaled.push(...args);
          return Promise.resolve();
        },
      },
    );
  });
}

for (const [path, body] of [
  ['/system/functions?namespace=dev', { functionName: 'env' }],
  ['/system/functions', { functionName: 'env', namespace: 'dev' }],
  ['/system/functions?namespace=other', { functionName: 'env', namespace: 'dev' }],
  ['/system/functions?functionName=env&namespace=dev', ''],
  ['/system/functions', { service: 'env', namespace: 'dev' }],
  ['/system/functions', { serviceName: 'env', namespace: 'dev' }],
  ['/system/functions', { name: 'env', namespace: 'dev' }],
] as const) {
  test(`DELETE ${path} ${JSON.stringify(body)} removes env.dev`, async (t) => {
    await withProvider(async ({ send }) => {
      await send('POST', '/system/functions', { ...env, namespace: 'dev' });
      t.is((await send('DELETE', path, body)).status, 202);
      t.is((await send('GET', '/system/function/env?namespace=dev')).status, 404);
    });
  });
}

const badDeployments: [what: string, body: string | object, message: RegExp][] = [
  ['a body that is not JSON', '{"service":', /^the body is not a JSON object$/],
  ['a body that is a string', '"env"', /^the body is not a JSON object$/],
  ['a body that is a list', [env], /must be a JSON object/],
  ['no body', '', /^service is missing/],
  ['no service', { image: 'alpine' }, /^service is missing/],
  ['an empty service', { service: '', image: 'alpine' }, /^service is missing/],
  ['no image', { service: 'env' }, /^image is missing/],
  ['an image with a space', { service: 'env', image: 'al pine' }, /^image "al pine"/],
  ['an image that is a number', { service: 'env', image: 7 }, /^image must be a string/],
  ['a name with a capital', { ...env, service: 'Env' }, /^service "Env" is not a valid name/],
  ['a name with a dot', { ...env, service: 'env.dev' }, /^service "env.dev" is not a valid name/],
  ['a name with a slash', { ...env, service: '../env' }, /is not a valid name/],
  ['a name that begins with a dash', { ...env, service: '-env' }, /is not a valid name/],
  ['a name of 64 letters', { ...env, service: 'a'.repeat(64) }, /is not a valid name/],
  ['a namespace with a slash', { ...env, namespace: '../..' }, /^namespace "..\/.." is not a valid name/],
  ['a memory limit without sense', { ...env, limits: { memory: 'lots' } }, /^limits.memory "lots".* 64Mi/],
  ['a cpu request without sense', { ...env, requests: { cpu: '-1' } }, /^requests.cpu "-1".* 100m/],
  ['a memory limit that is a number', { ...env, limits: { memory: 5 } }, /^limits.memory must be a string/],
  ['a label that is a number', { ...env, labels: { a: 1 } }, /^labels.a must be a string/],
  ['labels that are a list', { ...env, labels: ['a'] }, /^labels must be an object of strings/],
  ['an annotation that is null', { ...env, annotations: { a: null } }, /^annotations.a must be a string/],
  ['a variable with =', { ...env, envVars: { 'A=B': 'c' } }, /^envVars "A=B"/],
  ['a variable without a name', { ...env, envVars: { '': 'c' } }, /^envVars ""/],
  ['a variable with a NUL', { ...env, envVars: { A: 'a\0b' } }, /^envVars.A must not hold a NUL/],
  ['a secret outside its folder', { ...env, secrets: ['../x'] }, /^secret "..\/x" is not a valid name/],
  ['secrets that are a string', { ...env, secrets: 's1' }, /^secrets must be a list/],
  [
    'a flag that is a string',
    { ...env, readOnlyRootFilesystem: 'yes' },
    /^readOnlyRootFilesystem must be true or false/,
  ],
  [
    'a label called __proto__',
    `{"service":"env","image":"a","labels":{"__proto__":"x"}}`,
    /^the body is not a JSON object$/,
  ],
];
for (const [what, body, message] of badDeployments) {
  test(`deploying with ${what} is a 400 that says so in one line`, async (t) => {
    await withProvider(async ({ send }) => {
      for (const method of ['POST', 'PUT']) {
        const answer = await send(method, '/system/functions', body);
        t.is(answer.status, 400);
        t.is(answer.headers['content-type'], 'text/plain; charset=utf-8');
        t.regex(answer.body, /^[^\n]+\n$/);
        t.regex(answer.body.trimEnd(), message);
      }
      t.is((await send('GET', '/system/functions')).body, '[]');
    });
  });
}

test('a body is JSON whatever its Content-Type says, also when it comes in chunks', async (t) => {
  await withProvider(async ({ send }) => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'nonsense', 'multipart/form-data']) {
      const headers = { 'Content-Type': type, 'Transfer-Encoding': 'chunked' };
      t.is((await send('POST', '/system/functions', env, headers)).status, 202, type);
      t.is((await send('DELETE', '/system/functions', { functionName: 'env' }, headers)).status, 202, type);
    }
  });
});

test('a body over the limit is a 413 on every route that has one, also in chunks', async (t) => {
  const body = { ...env, name: 'x', value: 'x'.repeat(10_000), replicas: 1 };
  await withProvider(async ({ send }) => {
    for (const path of ['/system/functions', '/system/secrets', '/system/namespace/', '/system/scale-function/env']) {
      t.like(
        await send('POST', path, body),
        { status: 413, body: 'the body is larger than the limit of 10000 bytes\n' },
        path,
      );
      t.is((await send('POST', path, body, { 'Transfer-Encoding': 'chunked' })).status, 413, path);
    }
  });
});

for (const replicas of [-1, 1.5, '1', null, undefined, 1e300]) {
  test(`scaling to ${JSON.stringify(replicas)} is a 400`, async (t) => {
    await withProvider(async ({ send }) => {
      const { status, body } = await send('POST', '/system/scale-function/env', { serviceName: 'env', replicas });
      t.is(status, 400);
      t.regex(body, /^replicas must /);
    });
  });
}

test('a route names the function or namespace with a bad name: 400', async (t) => {
  await withProvider(async ({ send }) => {
    for (const path of [
      '/system/function/..%2Fx',
      '/system/function/Env',
      '/system/function/%zz',
      '/system/function/env?namespace=..%2F..',
      '/system/functions?namespace=a.b',
      '/system/secrets?namespace=..',
    ]) {
      t.is((await send('GET', path)).status, 400, path);
    }
  });
});

test('secrets are created once, updated, listed without values and removed', async (t) => {
  await withProvider(async ({ send }) => {
    const secret = { name: 's1', namespace: 'dev', value: 'v' };
    t.is((await send('PUT', '/system/secrets', secret)).status, 404);
    t.is((await send('POST', '/system/secrets', secret)).status, 201);
    t.is((await send('POST', '/system/secrets', secret)).status, 409);
    t.is((await send('PUT', '/system/secrets', secret)).status, 200);
    t.is((await send('GET', '/system/secrets')).body, '[]');
    t.is((await send('GET', '/system/secrets?namespace=dev')).body, '[{"name":"s1","namespace":"dev"}]');
    t.is((await send('DELETE', '/system/secrets', { name: 's1' })).status, 404);
    t.is((await send('DELETE', '/system/secrets', { name: 's1', namespace: 'dev' })).status, 200);
    t.is((await send('GET', '/system/secrets?namespace=dev')).body, '[]');
  });
});

const values: [what: string, fields: object, value: Buffer][] = [
  ['value as text', { value: 'a ü\n' }, Buffer.from('a ü\n')],
  ['an empty value', { value: '' }, Buffer.alloc(0)],
  ['rawValue as bytes', { rawValue: 'AP8KDQ==' }, Buffer.from([0, 255, 10, 13])],
  ['rawValue before value', { value: 'trimmed', rawValue: 'dHJpbW1lZAo=' }, Buffer.from('trimmed\n')],
  ['value when rawValue is null', { value: 'v', rawValue: null }, Buffer.from('v')],
  ['a NUL in value', { value: 'a\0b' }, Buffer.from('a\0b')],
];
for (const [what, fields, value] of values) {
  test(`a secret takes ${what}`, async (t) => {
    const written: Secret[] = [];
    const verb = (secret: Secret) => Promise.resolve(void written.push(secret));
    const secrets = { list: () => Promise.resolve([]), create: verb, update: verb, remove: () => Promise.resolve() };
    await withProvider(
      async ({ send }) => {
        await send('POST', '/system/secrets', { name: 's1', ...fields });
        await send('PUT', '/system/secrets', { name: 's1', ...fields });
      },
      { secrets },
    );
    t.deepEqual(written, Array(2).fill({ name: 's1', namespace: 'openfaas-fn', value }));
  });
}

test('a secret without a value, or with one that is not base64, is a 400', async (t) => {
  await withProvider(async ({ send }) => {
    for (const fields of [
      {},
      { rawValue: 'not base64!' },
      { rawValue: 'YQ' },
      { value: 7 },
      { value: null, rawValue: null },
    ]) {
      t.is((await send('POST', '/system/secrets', { name: 's1', ...fields })).status, 400, JSON.stringify(fields));
    }
  });
});

test('a secret name that is no safe file name is a 400 on POST, PUT and DELETE', async (t) => {
  const names = [
    '../x',
    'a/b',
    '.x',
    'x.',
    '..',
    '.',
    'a..b',
    '/etc/passwd',
    'a\\b',
    'a\0b',
    'a b',
    '',
    '-a',
    'a'.repeat(254),
    7,
    null,
  ];
  await withProvider(async ({ send }) => {
    for (const name of names) {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        t.is((await send(method, '/system/secrets', { name, value: 'v' })).status, 400, `${method} ${name}`);
        t.is((await send(method, '/system/secrets', { name: 'ok', namespace: '../..', value: 'v' })).status, 400);
      }
    }
    t.is((await send('POST', '/system/secrets', { name: 'tls.crt', value: 'v' })).status, 201);
  });
});

test('namespaces are created at either spelling, and a name in both places must agree', async (t) => {
  const namespaces = new Map<string, object>();
  const verbs: Provider['namespaces'] = {
    list: () => Promise.resolve([...namespaces.keys()]),
    get: (name) =>
      namespaces.has(name)
        ? Promise.resolve({ name, labels: {}, annotations: {} })
        : Promise.reject(new NamespaceNotFoundError(name)),
    create: (namespace) =>
      namespaces.has(namespace.name)
        ? Promise.reject(new NamespaceExistsError(namespace.name))
        : Promise.resolve(void namespaces.set(namespace.name, namespace)),
    update: (namespace) => Promise.resolve(void namespaces.set(namespace.name, namespace)),
    remove: (name) => Promise.resolve(void namespaces.delete(name)),
  };
  await withProvider(
    async ({ send }) => {
      const body = { name: 'dev', labels: { openfaas: '1' }, annotations: { openfaas: '1' } };
      t.is((await send('POST', '/system/namespace/', body)).status, 201);
      t.is((await send('POST', '/system/namespace/', body)).status, 409);
      t.is((await send('POST', '/system/namespace/two', {})).status, 201);
      t.is((await send('GET', '/system/namespaces')).body, '["dev","two"]');
      t.is((await send('GET', '/system/namespace/dev')).body, '{"name":"dev","labels":{},"annotations":{}}');
      t.is((await send('PUT', '/system/namespace/dev', body)).status, 202);
      t.deepEqual(namespaces.get('dev'), body);
      t.is((await send('DELETE', '/system/namespace/dev', { ...body, name: 'two' })).status, 400);
      t.is((await send('DELETE', '/system/namespace/dev', body)).status, 202);
      t.like(await send('GET', '/system/namespace/dev'), { status: 404, body: 'namespace dev not found\n' });
      t.is((await send('POST', '/system/namespace/', {})).status, 400);
      t.is((await send('POST', '/system/namespace/', { name: 'k8s.io' })).status, 400);
    },
    { namespaces: verbs },
  );
});

test('deploying into an unknown namespace is a 400, listing one a 404', async (t) => {
  const unknown = ({ namespace }: FunctionDeployment) => Promise.reject(new NamespaceNotFoundError(namespace));
  await withProvider(
    async ({ send }) => {
      for (const method of ['POST', 'PUT']) {
        const { status, body } = await send(method, '/system/functions', { ...env, namespace: 'dev' });
        t.is(status, 400);
        t.regex(body, /^namespace dev not found: create it/);
      }
      t.is((await send('GET', '/system/functions?namespace=dev')).status, 404);
    },
    { deploy: unknown, update: unknown, list: (namespace) => Promise.reject(new NamespaceNotFoundError(namespace)) },
  );
});

test('a rollback names its function by path and query, and answers 202', async (t) => {
  const rolledBack: unknown[] = [];
  const rollBack = (name: unknown) => Promise.resolve(void rolledBack.push(name));
  await withProvider(
    async ({ send }) => {
      t.like(await send('POST', '/system/rollback-function/env'), { status: 202, body: '' });
      t.is((await send('POST', '/system/rollback-function/env?namespace=dev')).status, 202);
      t.is((await send('POST', '/system/rollback-function/Env')).status, 400);
      t.deepEqual(rolledBack, [{ name: 'env', namespace: 'openfaas-fn' }, dev]);
    },
    { rollBack },
  );
});

test('a restart names its function by path, and its namespace by body or query', async (t) => {
  const restarted: unknown[] = [];
  const restart = (name: unknown) => Promise.resolve(void restarted.push(name));
  await withProvider(
    async ({ send }) => {
      t.like(await send('POST', '/system/restart-function/env'), { status: 202, body: '' });
      t.is((await send('POST', '/system/restart-function/env', { namespace: 'dev' })).status, 202);
      t.is((await send('POST', '/system/restart-function/env?namespace=dev', {})).status, 202);
      t.deepEqual(restarted, [{ name: 'env', namespace: 'openfaas-fn' }, dev, dev]);
      for (const [path, body] of [
        ['/system/restart-function/Env', {}],
        ['/system/restart-function/..%2Fenv', {}],
        ['/system/restart-function/env', { namespace: '../dev' }],
        ['/system/restart-function/env', { namespace: 7 }],
        ['/system/restart-function/env', []],
      ] as const) {
        t.is((await send('POST', path, body)).status, 400, `${path} ${JSON.stringify(body)}`);
      }
      t.is(restarted.length, 3);
    },
    { restart },
  );
});

test('replicas, pulls and the host are told as the back end gives them', async (t) => {
  const replica = { id: 'a1', generation: 'b2', state: 'ready', restarts: 0, inFlight: 3 } as const;
  const pull = { image: 'docker.io/library/alpine:1', namespace: 'dev', bytes: 5, totalBytes: 10 };
  const memory = { memoryBytes: 2, freeMemoryBytes: 1 };
  const host = {
    hostname: 'pi',
    kernel: '6',
    versions: {},
    cpus: 4,
    load: [0, 0, 0],
    ...memory,
    disks: [],
    uptimeSeconds: 7,
  };
  const asked: FunctionName[] = [];
  await withProvider(
    async ({ send }) => {
      t.deepEqual(JSON.parse((await send('GET', '/system/function/env/replicas')).body), [replica]);
      t.is((await send('GET', '/system/function/env/replicas?namespace=dev')).status, 200);
      t.deepEqual(asked, [{ name: 'env', namespace: 'openfaas-fn' }, dev]);
      t.is((await send('GET', '/system/function/Env/replicas')).status, 400);
      t.deepEqual(JSON.parse((await send('GET', '/system/pulls')).body), [pull]);
      t.deepEqual(JSON.parse((await send('GET', '/system/host')).body), host);
    },
    {
      replicas: (name) => Promise.resolve(asked.push(name)).then(() => [replica]),
      pulls: () => Promise.resolve([pull]),
      host: () => Promise.resolve(host),
    },
  );
});

test("info is the provider's own, unwrapped", async (t) => {
  await withProvider(async ({ send }) => {
    const info = { provider: 'memory', orchestration: 'none', version: { release: '1.0.0', sha: 'abc' } };
    t.deepEqual(JSON.parse((await send('GET', '/system/info')).body), info);
  });
});

test('a verb that the provider lacks answers 501', async (t) => {
  await withProvider(
    async ({ send }) => {
      for (const path of [
        '/system/logs?name=env',
        '/system/secrets',
        '/system/namespaces',
        '/system/namespace/dev',
        '/system/telemetry',
        '/system/function/env/replicas',
        '/system/pulls',
        '/system/host',
      ]) {
        t.is((await send('GET', path)).status, 501, path);
      }
      t.is((await send('POST', '/system/restart-function/env')).status, 501);
    },
    { logs: undefined, secrets: undefined, namespaces: undefined },
  );
});

test('an unknown error is hidden from the caller and logged once with its causes', async (t) => {
  const lines: unknown[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (message: string, fields?: object) => void lines.push([message, fields]),
  };
  const failure = new Error('query failed', { cause: new Error('socket closed') });
  const handlers = handlersFor({ ...memoryProvider(), list: () => Promise.reject(failure) }, defaultConfig);
  await withServer(handlers, { options: { log } }, async ({ send }) => {
    t.like(await send('GET', '/system/functions'), { status: 500, body: 'internal error\n' });
  });
  t.deepEqual(lines, [['request failed', { method: 'GET', path: '/system/functions', error: failure }]]);
});

test("a provider's error keeps its status and headers, and its message stays one line", async (t) => {
  const failure = new ProviderError(503, 'containerd is away:\n  try again\n', { headers: { 'Retry-After': '1' } });
  await withProvider(
    async ({ send }) => {
      const { status, body, headers } = await send('GET', '/system/functions');
      t.is(status, 503);
      t.is(body, 'containerd is away: try again\n');
      t.is(headers['retry-after'], '1');
    },
    { list: () => Promise.reject(failure) },
  );
});

test('a function that its file keeps is changed through the API by no request but one for its replicas', async (t) => {
  const provider = { ...memoryProvider(), rollBack: () => Promise.resolve(), restart: () => Promise.resolve() };
  const file = { path: '/etc/berth/functions.d/shop.yml', digest: 'of what it says' };
  await provider.deploy({ name: 'env', namespace: 'openfaas-fn', image: 'alpine:1' }, { file });
  await withServer(handlersFor(provider), {}, async ({ send }) => {
    for (const [method, path, body] of [
      ['POST', '/system/functions', env],
      ['PUT', '/system/functions', env],
      ['DELETE', '/system/functions', { functionName: 'env' }],
      ['POST', '/system/rollback-function/env', {}],
    ] as const) {
      const { status, body: said } = await send(method, path, body);
      t.is(status, 409);
      t.regex(said, /^function env\.openfaas-fn is kept by \/etc\/berth\/functions\.d\/shop\.yml: change it there/);
    }
    t.is((await send('POST', '/system/scale-function/env', { replicas: 2 })).status, 202);
    t.is((await send('POST', '/system/restart-function/env')).status, 202);
    t.is((await send('PUT', '/system/functions', { ...env, namespace: 'other' })).status, 404);
  });
});

test('the file that a deployment was applied from is kept, and holds nothing', async (t) => {
  const provider = memoryProvider();
  await withServer(handlersFor(provider), {}, async ({ send }) => {
    await send('POST', '/system/functions', { ...env, berth: { file: '/root/stack.yml', digest: 'not for callers' } });
    const named = { name: 'env', namespace: 'openfaas-fn' };
    t.deepEqual(await provider.fromFiles?.(), [{ ...named, file: { path: '/root/stack.yml' } }]);
    t.is((await send('PUT', '/system/functions', env)).status, 200);
    t.is((await send('POST', '/system/functions', { ...env, service: 'b', berth: { file: 7 } })).status, 400);
    t.is((await send('POST', '/system/functions', { ...env, service: 'b', berth: null })).status, 202);
  });
});
