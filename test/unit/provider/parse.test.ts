import test from 'ava';
import fc from 'fast-check';
import {
  BadRequestError,
  checkLabel,
  ConfigError,
  defaultConfig,
  type FaaSContext,
  parseCpu,
  parseDeployment,
  parseFunctionName,
  parseFunctionPath,
  type LogRequest,
  parseLogRequest,
  parseMemory,
  parseNamespace,
  parseNamespaceName,
  parseScale,
  parseSecret,
  parseSecretName,
  ProviderError,
  readConfig,
} from '../../../src/index.ts';

interface Sent {
  query?: string | Record<string, string>;
  body?: unknown;
  name?: string | undefined;
}

/** What the parsers read of a context. */
function contextOf({ query, body, name }: Sent): FaaSContext {
  return {
    querystring: new URLSearchParams(query).toString(),
    params: { name },
    state: { defaultNamespace: 'openfaas-fn' },
    request: { body },
  } as unknown as FaaSContext;
}

for (const [quantity, bytes] of [
  ['0', 0],
  ['64Mi', 67_108_864],
  ['5Mi', 5_242_880],
  ['1.5Gi', 1_610_612_736],
  ['128M', 128_000_000],
  ['1k', 1000],
  ['1e3', 1000],
  ['1E3', 1000],
  ['1E', 1e18],
  ['.5Ki', 512],
  ['5.', 5],
  ['+1', 1],
  ['0.1', 1],
  ['100m', 1],
  ['1e-2', 1],
] as const) {
  if (bytes > Number.MAX_SAFE_INTEGER) continue;
  test(`memory ${quantity} is ${bytes} bytes`, (t) => {
    t.is(parseMemory(quantity), bytes);
  });
}

for (const [quantity, millicores] of [
  ['100m', 100],
  ['0.1', 100],
  ['0.29', 290],
  ['1.1', 1100],
  ['2', 2000],
  ['1k', 1_000_000],
  ['0.5m', 1],
  ['100u', 1],
  ['500000n', 1],
] as const) {
  test(`cpu ${quantity} is ${millicores} millicores`, (t) => {
    t.is(parseCpu(quantity), millicores);
  });
}

test('what is no quantity is a BadRequestError that names the field and an example', (t) => {
  for (const text of [
    '',
    ' ',
    '.',
    'Mi',
    '-1',
    '64mi',
    '64MB',
    '64 Mi',
    '1ee3',
    '1e999',
    '0x10',
    'NaN',
    'Infinity',
    '1_000',
    '9'.repeat(60),
    '64Mi\n',
  ]) {
    t.throws(
      () => parseMemory(text, 'limits.memory'),
      { instanceOf: BadRequestError, message: /^limits\.memory .*64Mi/ },
      text,
    );
    t.throws(() => parseCpu(text, 'limits.cpu'), { instanceOf: BadRequestError, message: /^limits\.cpu .*100m/ }, text);
  }
});

test('any whole number of a unit is that many bytes', (t) => {
  const units = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
  fc.assert(
    fc.property(
      fc.nat(1_000_000),
      fc.constantFrom(...Object.entries(units)),
      (count, [unit, size]) => parseMemory(`${count}${unit}`) === count * size,
    ),
  );
  fc.assert(
    fc.property(
      fc.nat(10_000_000),
      (millicores) =>
        parseCpu(`${millicores}m`) === millicores && parseCpu((millicores / 1000).toFixed(3)) === millicores,
    ),
  );
  t.pass();
});

test('a quantity is a whole number or a BadRequestError, whatever the text', (t) => {
  const quantityLike = fc.string({ unit: fc.constantFrom(...'0123456789.eE+-KMGTPEinumk') });
  fc.assert(
    fc.property(fc.oneof(fc.string(), quantityLike), (text) => {
      try {
        return Number.isSafeInteger(parseMemory(text)) && parseMemory(text) >= 0;
      } catch (error) {
        return error instanceof BadRequestError;
      }
    }),
  );
  t.pass();
});

test("the config has faas-provider's defaults, also for empty variables", (t) => {
  t.deepEqual(readConfig({}), defaultConfig);
  t.deepEqual(readConfig({ port: '', read_timeout: '', basic_auth: '' }), defaultConfig);
  t.like(defaultConfig, { tcpPort: 8080, readTimeoutMs: 10_000, secretMountPath: '/run/secrets/', maxIdleConns: 1024 });
});

test("the config reads faas-provider's variables", (t) => {
  const env = {
    port: '9090',
    read_timeout: '65',
    write_timeout: '1m5s',
    basic_auth: 'true',
    secret_mount_path: '/etc/x',
    max_idle_conns: '10',
    max_idle_conns_per_host: '5',
    idle_conn_timeout: '75',
    function_namespace: 'fn',
  };
  t.like(readConfig(env), {
    tcpPort: 9090,
    readTimeoutMs: 65_000,
    writeTimeoutMs: 65_000,
    enableBasicAuth: true,
    secretMountPath: '/etc/x',
    maxIdleConns: 10,
    maxIdleConnsPerHost: 5,
    idleConnTimeoutMs: 75_000,
    defaultNamespace: 'fn',
  });
});

for (const [variable, value] of [
  ['port', '70000'],
  ['port', 'http'],
  ['port', '-1'],
  ['read_timeout', 'soon'],
  ['write_timeout', '-5s'],
  ['write_timeout', '1000h'],
  ['basic_auth', 'yes'],
  ['max_idle_conns', '1.5'],
  ['max_idle_conns_per_host', 'many'],
] as const) {
  test(`${variable}=${value} is refused by the variable's name`, (t) => {
    const error = t.throws(() => readConfig({ [variable]: value }), { instanceOf: ConfigError });
    t.true(error.message.startsWith(`${variable}: `), error.message);
    t.true(error.message.includes(JSON.stringify(value)), error.message);
  });
}

const logCases: [query: string, request: object][] = [
  ['name=env', { name: 'env', namespace: 'openfaas-fn', follow: false }],
  ['name=env&follow=true&tail=-1', { name: 'env', namespace: 'openfaas-fn', follow: true }],
  ['name=env&follow=1&tail=0', { name: 'env', namespace: 'openfaas-fn', follow: true }],
  ['name=env&follow=perhaps', { name: 'env', namespace: 'openfaas-fn', follow: false }],
  ['name=env&tail=99999999999', { name: 'env', namespace: 'openfaas-fn', follow: false, tail: 99_999_999_999 }],
  ['name=a&name=env&tail=1&tail=5', { name: 'env', namespace: 'openfaas-fn', follow: false, tail: 5 }],
  ['name=env&namespace=dev&instance=i1', { name: 'env', namespace: 'dev', follow: false, instance: 'i1' }],
  [
    'name=env&since=2026-11-22T15%3A55%3A30%2B05%3A30',
    { name: 'env', namespace: 'openfaas-fn', follow: false, since: new Date('2026-11-22T10:25:30Z') },
  ],
];
for (const [query, request] of logCases) {
  test(`the log query ${query} is understood`, (t) => {
    t.deepEqual({ ...parseLogRequest(contextOf({ query })) }, request as LogRequest);
  });
}

for (const query of [
  'tail=ten',
  'tail=1.5',
  'tail=1e3',
  'tail=-',
  'since=yesterday',
  'since=2026-11-22',
  'since=2026-13-22T00:00:00Z',
  'since=1700000000',
]) {
  test(`the log query ${query} is a 422`, (t) => {
    const error = t.throws(() => parseLogRequest(contextOf({ query: `name=env&${query}` })), {
      instanceOf: ProviderError,
    });
    t.is(error.status, 422);
    t.regex(error.message, /^could not parse the log request: /);
  });
}

test('a label is what DNS-1123 says', (t) => {
  for (const name of ['a', '0', 'a-b', 'a'.repeat(63), 'x--y']) t.is(checkLabel(name, 'service'), name);
  for (const name of ['', '-', 'a-', '-a', 'A', 'a_b', 'a.b', 'a/b', 'ü', 'a\n', 'a'.repeat(64)]) {
    t.throws(() => checkLabel(name, 'service'), { instanceOf: BadRequestError }, name);
  }
});

test('a key called __proto__ changes no prototype', (t) => {
  const body: unknown = JSON.parse(
    '{"service":"env","image":"a","labels":{"__proto__":"x","constructor":"y"},"__proto__":{"envProcess":"z"}}',
  );
  const { labels, envProcess } = parseDeployment(contextOf({ body }));
  t.is(Object.getPrototypeOf(labels), Object.prototype);
  t.deepEqual(Object.entries(labels ?? {}).at(-1), ['constructor', 'y']);
  t.is(envProcess, undefined);
  t.is(({} as { envProcess?: string }).envProcess, undefined);
});

test('a huge key or name makes a short message', (t) => {
  const long = 'x'.repeat(100_000);
  for (const body of [
    { service: long, image: 'a' },
    { service: 'a', image: 'a', labels: { [long]: 1 } },
    { service: 'a', image: 'a', limits: { memory: long } },
  ]) {
    const error = t.throws(() => parseDeployment(contextOf({ body })), { instanceOf: BadRequestError });
    t.true(error.message.length < 300, String(error.message.length));
  }
});

const field = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.constant(null),
  fc.boolean(),
  fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.jsonValue())),
  fc.array(fc.string()),
  fc.jsonValue(),
);
const keys = [
  'service',
  'serviceName',
  'functionName',
  'name',
  'namespace',
  'image',
  'envVars',
  'secrets',
  'labels',
  'limits',
  'replicas',
  'value',
  'rawValue',
];
const body = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...keys), field));
const query = fc.oneof(
  fc.string(),
  fc.dictionary(fc.constantFrom('name', 'namespace', 'tail', 'since', 'follow', 'usage', 'instance'), fc.string()),
);

test('the parsers throw nothing but errors for the caller, whatever they are given', (t) => {
  fc.assert(
    fc.property(body, query, fc.option(fc.string(), { nil: undefined }), (given, asked, name) => {
      const ctx = contextOf({ query: asked, body: given, name });
      const parsers = [
        parseDeployment,
        parseFunctionName,
        parseFunctionPath,
        parseScale,
        parseSecret,
        parseSecretName,
        parseNamespace,
        parseNamespaceName,
        parseLogRequest,
      ];
      return parsers.every((parse) => {
        try {
          parse(ctx);
          return true;
        } catch (error) {
          return error instanceof BadRequestError || (error instanceof ProviderError && error.status === 422);
        }
      });
    }),
    { numRuns: 500 },
  );
  t.pass();
});

const deployed = (rest: object) => parseDeployment(contextOf({ body: { service: 'fn', image: 'fn', ...rest } }));

test('a setting of ours that cannot be read is refused before it is stored, and how to write it is said', (t) => {
  const labels = {
    'com.openfaas.scale.min': 'two',
    'com.openfaas.scale.target': 'NaN',
    'com.openfaas.scale.zero': 'yes',
    'com.openfaas.scale.zero-duration': '15',
    'com.openfaas.scale.down.window': '1h',
    'com.openfaas.scale.zero-depth': 'deep',
  };
  for (const [name, value] of Object.entries(labels)) {
    const message = new RegExp(`^${name} "${value}" cannot be read: write `);
    t.throws(() => deployed({ labels: { [name]: value } }), { instanceOf: BadRequestError, message });
  }
  const annotations = {
    'com.openfaas.health.http.periodSeconds': 'soon',
    'com.openfaas.ready.http.failureThreshold': '-1',
    'com.openfaas.ready.http.path': `/${'x'.repeat(5000)}`,
    'com.openfaas.image.pull-policy': 'always',
  };
  for (const [name, value] of Object.entries(annotations)) {
    const message = new RegExp(`^${name} .*: write `);
    t.throws(() => deployed({ annotations: { [name]: value } }), { instanceOf: BadRequestError, message });
  }
});

test('a type of load that is not known, and 0 for a default, are taken', (t) => {
  t.notThrows(() => deployed({ labels: { 'com.openfaas.scale.type': 'queue', 'com.openfaas.scale.min': '0' } }));
});

test('texts that containerd or the kernel would refuse are refused', (t) => {
  const bad: Record<string, object> = {
    'labels must not have an empty name': { labels: { '': 'x' } },
    'labels must not have one of more than 4096 bytes, name and value': { labels: { a: 'é'.repeat(2048) } },
    'annotations must not be more than 262144 bytes, names and values': { annotations: { a: 'x'.repeat(262_144) } },
    'envVars.A must be Unicode text, without half a surrogate pair': { envVars: { A: '\ud800' } },
    'envProcess must not hold a NUL': { envProcess: 'a\0' },
  };
  for (const [message, rest] of Object.entries(bad))
    t.throws(() => deployed(rest), { instanceOf: BadRequestError, message });
  t.throws(() => parseNamespace(contextOf({ body: { name: 'n', labels: { '\udc00': '' } } })), {
    instanceOf: BadRequestError,
  });
  t.notThrows(() => deployed({ labels: { a: 'x'.repeat(4095) }, annotations: { b: '' } }));
});
