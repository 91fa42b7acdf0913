import fc from 'fast-check';

/** One request to the API, as a handler gets it. */
export interface ApiRequest {
  handler:
    | 'deployFunction'
    | 'updateFunction'
    | 'deleteFunction'
    | 'functionStatus'
    | 'scaleFunction'
    | 'secrets'
    | 'mutateNamespace'
    | 'logs'
    | 'alert';
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body: Record<string, unknown>;
  query: Record<string, string>;
  /** The name in the path. */
  name?: string;
}

/** Pieces that patterns stumble over when they come many times. */
const pieces = [
  '1',
  '1.',
  '.',
  'a',
  'a-',
  '--',
  '_',
  '@',
  '/',
  ':',
  ' ',
  '\n',
  '\t',
  'é',
  '\u{1F600}',
  '%',
  '=',
  ',',
  '"',
];

/** Texts that mean something somewhere. */
const words = [
  ...[
    '',
    '0',
    '1',
    '2',
    '-1',
    '1.5',
    '1e9',
    '99999999',
    '1m',
    '1m30s',
    '15m',
    '90',
    '100m',
    '64Mi',
    '8Mi',
    '1Gi',
    '5E',
  ],
  ...[
    'true',
    'yes',
    'rps',
    'cpu',
    'queue',
    'standby',
    'Always',
    'always',
    '/_/ready',
    '//',
    'fn:1',
    'localhost:5000/a/b:c',
  ],
  ...['NET_RAW', 'cap_chown,KILL', '..', 'my--team', 'openfaas-fn', '2026-01-31T15:04:05Z', '9999-99-99T00:00:00Z'],
  ...['\0', '\ud800', 'a\udc00', '__proto__', 'constructor', 'toString', '@sha256:', 'fprocess', 'PATH', '=', 'A=B'],
];

/** Any text: what means something, what does not, and pieces that come thousands of times. */
export const text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...words) },
  { weight: 2, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...pieces), fc.integer({ min: 1, max: 13 }), fc.constantFrom('', 's', 'x', '!'))
      .map(([piece, power, end]) => piece.repeat(2 ** power) + end),
  },
);

const scaling = ['min', 'max', 'type', 'target', 'target-proportion', 'down.window', 'factor', 'zero', 'zero-duration'];
const probes = ['path', 'initialDelay', 'initialDelaySeconds', 'periodSeconds', 'timeoutSeconds', 'failureThreshold'];
const keys = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...[...scaling, 'zero-depth'].map((name) => `com.openfaas.scale.${name}`)) },
  { weight: 4, arbitrary: fc.constantFrom(...probes.map((name) => `com.openfaas.ready.http.${name}`)) },
  { weight: 2, arbitrary: fc.constantFrom('com.openfaas.berth.capabilities', 'com.openfaas.image.pull-policy') },
  { weight: 2, arbitrary: fc.constantFrom('write_timeout', 'grace_period', 'max_inflight', 'fprocess', 'openfaas') },
  { weight: 2, arbitrary: text },
);
const map = fc.array(fc.tuple(keys, text), { maxLength: 2 }).map((entries) => Object.fromEntries(entries));

/** A field of a deployment, right or wrong. */
const field = fc.oneof(
  fc.record({ labels: map }),
  fc.record({ annotations: map }),
  fc.record({ envVars: map }),
  fc.record({ envProcess: text }),
  fc.record({ image: text }),
  fc.record({ constraints: fc.array(text, { maxLength: 3 }) }),
  fc.record({ secrets: fc.array(fc.oneof(text, fc.constant('key')), { maxLength: 3 }) }),
  fc.record({ limits: fc.dictionary(fc.constantFrom('memory', 'cpu'), text) }),
  fc.record({ requests: fc.dictionary(fc.constantFrom('memory', 'cpu'), text) }),
  fc.record({ readOnlyRootFilesystem: fc.boolean() }),
);
const fields = fc
  .array(field, { maxLength: 3 })
  .map((all) => Object.fromEntries(all.flatMap((one) => Object.entries(one))));

const few = (names: string[]) =>
  fc.oneof({ weight: 11, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: text });
const functionName = few(['fn', 'a--b', 'x'.repeat(63)]);
const secretName = few(['key', 'k.e_y', 'x'.repeat(253)]);
const namespaceName = few(['team', 'my--team', 'dev', 'x'.repeat(63)]);
const inNamespace = few(['openfaas-fn', 'openfaas-fn', 'team']);
const nothing = fc.constant({});

function request(handler: ApiRequest['handler'], rest: Partial<{ [Key in keyof ApiRequest]: fc.Arbitrary<unknown> }>) {
  const shape = { handler: fc.constant(handler), method: fc.constant('POST'), body: nothing, query: nothing, ...rest };
  return fc.record(shape) as fc.Arbitrary<ApiRequest>;
}

const deployment = fc
  .tuple(functionName, inNamespace, fields)
  .map(([service, namespace, rest]) => ({ service, namespace, image: 'fn:1', ...rest }));

/** Any request to the API with any texts in it. */
export const apiRequest: fc.Arbitrary<ApiRequest> = fc.oneof(
  { weight: 8, arbitrary: request('deployFunction', { body: deployment }) },
  { weight: 8, arbitrary: request('updateFunction', { method: fc.constant('PUT'), body: deployment }) },
  {
    weight: 3,
    arbitrary: request('deleteFunction', {
      method: fc.constant('DELETE'),
      body: fc.record({ functionName, namespace: inNamespace }),
    }),
  },
  {
    weight: 2,
    arbitrary: request('functionStatus', {
      method: fc.constant('GET'),
      name: functionName,
      query: fc.record({ namespace: inNamespace, usage: text }),
    }),
  },
  {
    weight: 2,
    arbitrary: request('scaleFunction', {
      name: functionName,
      body: fc.record({ namespace: inNamespace, replicas: fc.oneof(fc.integer(), fc.nat(3), text) }),
    }),
  },
  {
    weight: 4,
    arbitrary: request('secrets', {
      method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
      body: fc.record({ name: secretName, namespace: inNamespace, value: text, rawValue: fc.option(text) }),
    }),
  },
  {
    weight: 4,
    arbitrary: request('mutateNamespace', {
      method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
      body: fc.record({ name: namespaceName, labels: map, annotations: map }),
    }),
  },
  {
    weight: 2,
    arbitrary: request('logs', {
      method: fc.constant('GET'),
      query: fc.record({ name: functionName, namespace: inNamespace, since: text, tail: text, instance: text }),
    }),
  },
  {
    weight: 1,
    arbitrary: request('alert', {
      body: fc.record({
        alerts: fc.array(
          fc.record({ status: few(['firing', 'resolved']), labels: fc.record({ function_name: functionName }) }),
          { maxLength: 3 },
        ),
      }),
    }),
  },
);
