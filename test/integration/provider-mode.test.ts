/** The daemon as a provider behind an OpenFaaS gateway: the bare API on real functions. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { readDaemonConfig } from '../../src/daemon/config.ts';
import { busyboxImage, functionImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { startHost, statusOf, taskOf, untilAvailable, type TestHost } from './functions/setup.ts';

let host: TestHost;
let image: string;

test.before(async () => {
  host = await startHost({ env: { mode: 'provider' } });
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());

const platform = { status: 503, internal: 'proxy' };

async function call(path: string) {
  const { status, text, headers } = await host.berth.invoke(path, { method: 'POST' });
  return { status, text, internal: headers.get('x-openfaas-internal') };
}

test('provider mode listens on port 8081 unless told otherwise', (t) => {
  t.is(readDaemonConfig({ mode: 'provider' }).tcpPort, 8081);
  t.is(readDaemonConfig({ mode: 'provider', port: '9000' }).tcpPort, 9000);
});

test.serial('everything but calls and health asks for the password', async (t) => {
  for (const path of ['info', 'functions', 'function/env', 'namespaces', 'namespace/dev', 'secrets', 'logs?name=env'])
    t.is((await fetch(`${host.berth.url}/system/${path}`)).status, 401, path);
  t.is((await fetch(`${host.berth.url}/metrics`)).status, 401);
  t.is((await fetch(`${host.berth.url}/healthz`)).status, 200);
});

test.serial('info is bare', async (t) => {
  const { status, text } = await host.berth.api('GET', '/system/info');
  t.is(status, 200);
  t.like(JSON.parse(text), { provider: 'berth', orchestration: 'containerd' });
  t.deepEqual(Object.keys(JSON.parse(text) as object).sort(), ['orchestration', 'provider', 'version']);
});

test.serial('a function is deployed, listed and called', async (t) => {
  const { berth } = host;
  t.is((await berth.api('POST', '/system/functions', { service: 'env', image })).status, 202);
  const listed = await berth.api('GET', '/system/functions?namespace=openfaas-fn');
  t.like(JSON.parse(listed.text), [
    { name: 'env', image, namespace: 'openfaas-fn', replicas: 1, availableReplicas: 1 },
  ]);
  // Counting calls is the gateway's part.
  t.false(listed.text.includes('invocationCount'));
  const { headers, ...called } = await berth.invoke('env.openfaas-fn/echo', { method: 'POST', body: 'hello' });
  t.like(called, { status: 200, text: 'hello' });
  t.is(headers.get('x-openfaas-internal'), null);
});

test.serial('scale and delete take the namespace from the query alone', async (t) => {
  const { berth } = host;
  t.is((await berth.api('POST', '/system/namespace/', { name: 'dev', annotations: { openfaas: '1' } })).status, 201);
  t.is((await berth.api('POST', '/system/functions', { service: 'env', image, namespace: 'dev' })).status, 202);
  const scale = await berth.api('POST', '/system/scale-function/env?namespace=dev', {
    serviceName: 'env',
    replicas: 2,
  });
  t.is(scale.status, 202, scale.text);
  t.is((await statusOf(berth, 'env', '?namespace=dev')).replicas, 2);
  t.is((await statusOf(berth, 'env')).replicas, 1);
  const removal = await berth.api('DELETE', '/system/functions?namespace=dev', { functionName: 'env' });
  t.is(removal.status, 202, removal.text);
  t.is((await berth.api('GET', '/system/function/env?namespace=dev')).status, 404);
  t.is((await statusOf(berth, 'env')).replicas, 1);
});

test.serial('a function at zero is not woken, as that is for the gateway', async (t) => {
  const { berth } = host;
  const zero = await berth.api('POST', '/system/scale-function/env?namespace=openfaas-fn', { replicas: 0 });
  t.is(zero.status, 202, zero.text);
  await untilAvailable(berth, 'env', 0);
  t.deepEqual(await call('env.openfaas-fn'), { ...platform, text: 'No endpoints available for: env.\n' });
  t.is((await statusOf(berth, 'env')).replicas, 0);
});

test.serial('a call of a function that cannot be reached is a 500 that says so', async (t) => {
  const config = { Cmd: ['sh', '-c', 'httpd -f -p 8080 -h /www; sleep 3600'] };
  const { reference } = await busyboxImage(host.registry, { name: 'leaving', config });
  t.is((await host.berth.api('POST', '/system/functions', { service: 'leaving', image: reference })).status, 202);
  const { pid } = await taskOf(host.containerd, 'leaving');
  const server = Number(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'));
  process.kill(server, 'SIGKILL');
  await until(async () => (await readFile(`/proc/${server}/stat`, 'utf8').catch(() => '')) === '');
  t.deepEqual(await call('leaving'), { status: 500, internal: 'proxy', text: "Can't reach service for: leaving.\n" });
});

test.serial(
  'the lines of a removed function are given to their end, of an unknown function there are none',
  async (t) => {
    const { berth } = host;
    t.is((await berth.api('POST', '/system/functions', { service: 'gone', image })).status, 202);
    t.is((await berth.invoke('gone/log/last+words')).status, 200);
    t.is((await berth.api('DELETE', '/system/functions', { functionName: 'gone' })).status, 202);
    await until(async () => (await berth.api('GET', '/system/logs?name=gone&follow=true')).text.includes('last words'));
    t.like(await berth.api('GET', '/system/logs?name=nobody&follow=true'), {
      status: 404,
      text: 'function nobody.openfaas-fn not found\n',
    });
  },
);

test.serial('a call of an unknown function is a 503 that says so', async (t) => {
  t.deepEqual(await call('nobody'), { ...platform, text: 'No endpoints available for: nobody.\n' });
  t.deepEqual(await call('env.nowhere'), { ...platform, text: 'No endpoints available for: env.\n' });
});
