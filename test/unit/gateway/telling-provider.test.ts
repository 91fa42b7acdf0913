import test, { type ExecutionContext } from 'ava';
import { EventFeed, type Namespace, type Provider, type SystemEvent } from '../../../src/provider/index.ts';
import { memoryProvider } from '../provider/memory-provider.ts';
import { CountingProvider } from './counting-provider.ts';
import { startGateway } from './with-gateway.ts';

/** The example in memory, which has no events, with the optional verbs that change something. */
function withoutEvents(): Provider {
  const namespaces = new Map<string, Namespace>();
  const keep = (namespace: Namespace) => Promise.resolve(void namespaces.set(namespace.name, namespace));
  return {
    ...memoryProvider(),
    rollBack: () => Promise.resolve(),
    restart: () => Promise.resolve(),
    namespaces: {
      list: () => Promise.resolve([...namespaces.keys()]),
      get: (name) => Promise.resolve({ name, labels: {}, annotations: {} }),
      create: keep,
      update: keep,
      remove: (name) => Promise.resolve(void namespaces.delete(name)),
    },
  };
}

async function start(t: ExecutionContext, provider: Provider) {
  const { url } = await startGateway(t, { gateway: { provider, wakeMs: 10 } });
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    return fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
  };
  const told = async () => {
    const events = (await (await ask('GET', '/system/events')).json()) as SystemEvent[];
    return events.map(({ kind, name, namespace, text }) => [kind, name ?? '', namespace ?? '', text].join('|'));
  };
  return { ask, told };
}

const service = { service: 'hello', image: 'example/hello:1' };
const scaled = (replicas: number) =>
  ['POST', '/system/scale-function/hello', { serviceName: 'hello', replicas }] as const;

test('what a back end without events did is told by the gateway, and by the stream', async (t) => {
  const { ask, told } = await start(t, withoutEvents());
  t.deepEqual(await told(), [], 'there is a feed from the start');
  for (const [method, path, body] of [
    ['POST', '/system/functions', service],
    ['PUT', '/system/functions', { ...service, image: 'example/hello:2' }],
    scaled(3),
    scaled(3),
    scaled(0),
    ['POST', '/system/restart-function/hello', {}],
    ['POST', '/system/rollback-function/hello', {}],
    ['POST', '/system/secrets', { name: 'key', value: 'hidden-value' }],
    ['PUT', '/system/secrets', { name: 'key', value: 'hidden-too' }],
    ['DELETE', '/system/secrets', { name: 'key' }],
    ['POST', '/system/namespace/', { name: 'dev' }],
    ['PUT', '/system/namespace/dev', { name: 'dev' }],
    ['DELETE', '/system/namespace/dev', { name: 'dev' }],
  ] as const) {
    const { status } = await ask(method, path, body);
    t.true(status < 300, `${method} ${path}: ${status}`);
  }
  t.is((await ask('GET', '/function/hello')).status, 504, 'its replica never comes');
  t.is((await ask('DELETE', '/system/functions', { functionName: 'hello' })).status, 202);
  t.deepEqual(await told(), [
    'deployed|hello|openfaas-fn|was deployed, of example/hello:1',
    'updated|hello|openfaas-fn|was updated: example/hello:2 serves',
    'scaled|hello|openfaas-fn|goes from 1 to 3 replicas, as was asked for',
    'asleep|hello|openfaas-fn|was put to sleep',
    'restarted|hello|openfaas-fn|is restarted, as was asked for',
    'rolled-back|hello|openfaas-fn|goes back to the version before, as was asked for',
    'secret-changed||openfaas-fn|secret key was created',
    'secret-changed||openfaas-fn|secret key was given another value',
    'secret-changed||openfaas-fn|secret key was removed',
    'namespace-changed||dev|namespace dev was created',
    'namespace-changed||dev|namespace dev was changed',
    'namespace-changed||dev|namespace dev was removed',
    'woken|hello|openfaas-fn|was woken by a call, with 1 replica',
    'removed|hello|openfaas-fn|was removed',
  ]);
});

test('what failed is not told', async (t) => {
  const { ask, told } = await start(t, memoryProvider());
  t.is((await ask('DELETE', '/system/functions', { functionName: 'absent' })).status, 404);
  t.is((await ask(...scaled(2))).status, 404);
  t.is((await ask('DELETE', '/system/secrets', { name: 'absent' })).status, 404);
  t.is((await ask('POST', '/system/restart-function/hello', {})).status, 501, 'a verb that is absent stays absent');
  t.deepEqual(await told(), []);
});

test('a back end that tells for itself is not told for', async (t) => {
  const events = new EventFeed();
  const { ask, told } = await start(t, { ...memoryProvider(), events });
  await ask('POST', '/system/functions', service);
  t.deepEqual(await told(), []);
  events.tell({ kind: 'deployed', text: 'by itself' });
  t.deepEqual(await told(), ['deployed|||by itself']);
});

test('a back end of a class with private fields keeps them', async (t) => {
  const provider = new CountingProvider();
  provider.add('hello', 1);
  const { ask, told } = await start(t, provider);
  t.is((await ask(...scaled(2))).status, 202);
  t.is((await ask('GET', '/system/function/hello')).status, 200);
  t.deepEqual(await told(), ['scaled|hello|openfaas-fn|goes from 1 to 2 replicas, as was asked for']);
});
