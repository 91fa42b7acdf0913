/** What an OpenFaaS gateway in front sends a provider, and the bare answers that it wants. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import {
  FunctionNotFoundError,
  handlersFor,
  NoEndpointsError,
  type Namespace,
  NamespaceNotFoundError,
  type NamespaceVerbs,
  type Provider,
} from '../../../src/index.ts';
import { env, envInDev, exchanges, forwarded, line } from './gateway-exchanges.ts';
import { memoryProvider } from './memory-provider.ts';
import { withServer } from './with-server.ts';

let service: Server;
/** Nothing listens on it, also not another test, which may get any port that was free a moment ago. */
const deadPort = 1;

test.before(async () => {
  service = await listening((req, res) => {
    let body = '';
    req.on('data', (part: Buffer) => (body += part.toString()));
    req.on('end', () => {
      const { 'x-call-id': call, 'x-forwarded-host': host, 'x-forwarded-for': caller } = req.headers;
      res.setHeader('X-Function', 'env');
      res.end([req.method, req.url, call, host, caller, body].join(' '));
    });
  });
});
test.after.always(() => service.close());

for (const { title, request, body, status, answer, headers = {} } of exchanges) {
  test(`${title}: ${request.join(' ')} is ${status}`, async (t) => {
    await withServer(handlersFor(await inhabitedProvider()), {}, async ({ send }) => {
      const reply = await send(...request, body, forwarded);
      t.is(reply.status, status, reply.body);
      const isText = typeof answer === 'string';
      t.deepEqual(isText ? reply.body : JSON.parse(reply.body), answer);
      if (!isText) t.is(reply.headers['content-type'], 'application/json; charset=utf-8');
      for (const [name, value] of Object.entries(headers)) t.is(reply.headers[name], value, name);
      if (status < 500) t.is(reply.headers['x-openfaas-internal'], undefined);
    });
  });
}

test('scale and removal with the namespace in the query change that namespace alone', async (t) => {
  await withServer(handlersFor(await inhabitedProvider()), {}, async ({ send }) => {
    const replicas = async (query: string) => {
      const { status, body } = await send('GET', `/system/function/env${query}`);
      return status === 200 ? (JSON.parse(body) as { replicas: number }).replicas : status;
    };
    await send('POST', '/system/scale-function/env?namespace=dev', { serviceName: 'env', replicas: 3 });
    t.deepEqual([await replicas(''), await replicas('?namespace=dev')], [1, 3]);
    await send('DELETE', '/system/functions?namespace=dev', { functionName: 'env' });
    t.deepEqual([await replicas(''), await replicas('?namespace=dev')], [1, 404]);
  });
});

/** With env in two namespaces, a function at zero, one that cannot be reached, a secret and logs. */
async function inhabitedProvider(): Promise<Provider> {
  const provider = memoryProvider();
  await provider.deploy(env);
  await provider.deploy(envInDev);
  for (const name of ['asleep', 'dead']) await provider.deploy({ ...env, name });
  await provider.scale({ ...env, name: 'asleep' }, 0);
  await provider.secrets?.create({ name: 'token', namespace: 'dev', value: Buffer.from('s3cret') });
  return {
    ...provider,
    namespaces,
    async resolve(name) {
      const { availableReplicas } = await provider.status(name, { usage: false });
      if (availableReplicas === 0) throw new NoEndpointsError(name);
      return { hostname: '127.0.0.1', port: name.name === 'dead' ? deadPort : portOf(service), release() {} };
    },
    logs: ({ name, namespace }) =>
      name === 'env' ? Promise.resolve(only(line)) : Promise.reject(new FunctionNotFoundError({ name, namespace })),
  };
}

const dev: Namespace = { name: 'dev', labels: { openfaas: '1' }, annotations: {} };
const namespaces: NamespaceVerbs = {
  list: () => Promise.resolve(['openfaas-fn', 'dev']),
  get: (name) => (name === 'dev' ? Promise.resolve(dev) : Promise.reject(new NamespaceNotFoundError(name))),
  create: () => Promise.resolve(),
  update: () => Promise.resolve(),
  remove: () => Promise.resolve(),
};

async function* only<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}

async function listening(handle: RequestListener): Promise<Server> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
