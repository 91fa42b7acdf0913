import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { scale } from './scaled-world.ts';
import { startGateway } from '../with-gateway.ts';

const alert = (function_name: string, status = 'firing') => ({
  status,
  labels: { alertname: 'APIHighInvocationRate', function_name },
});

async function post(url: string, body: unknown): Promise<{ status: number; text: string }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const reply = await fetch(`${url}/system/alert`, { method: 'POST', body: text });
  return { status: reply.status, text: await reply.text() };
}

const webhook = (...alerts: object[]) => ({ status: 'firing', receiver: 'scale-up', alerts });

test('a firing alert adds a step until max, a resolved one goes back to min', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 1, scale({ min: '1', max: '10', factor: '25' }));
  for (const replicas of [4, 7, 10, 10]) {
    t.deepEqual(await post(url, webhook(alert('env'))), { status: 200, text: '' });
    t.is(status.replicas, replicas);
  }
  t.is((await post(url, webhook(alert('env', 'resolved')))).status, 200);
  t.is(status.replicas, 1);
  t.is(provider.scaled.length, 4);
  t.deepEqual(provider.scaled[0], ['env', 4, { durable: false }]);
});

test('without labels the step is 20 % of 20 replicas', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 1);
  await post(url, webhook(alert('env')));
  t.is(status.replicas, 5);
});

test('factor 0 is no step', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 1, scale({ factor: '0' }));
  t.is((await post(url, webhook(alert('env')))).status, 200);
  t.deepEqual(provider.scaled, []);
});

test('a resolved alert does not wake what sleeps, a firing one does', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 0);
  await post(url, webhook(alert('env', 'resolved')));
  t.is(status.replicas, 0);
  await post(url, webhook(alert('env')));
  t.is(status.replicas, 4);
});

test('replicas above max are not taken away by a firing alert', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 30);
  await post(url, webhook(alert('env')));
  t.deepEqual(provider.scaled, []);
});

test('function_name is NAME or NAME.NAMESPACE', async (t) => {
  const { url, provider } = await startGateway(t);
  const one = provider.add('env', 1);
  const other = provider.add('env', 1, {}, 'dev');
  await post(url, webhook(alert('env.dev')));
  t.deepEqual([one.replicas, other.replicas], [1, 5]);
});

test('an unknown function is a 404 that names it, and the others are scaled', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 1);
  const reply = await post(url, webhook(alert('nobody'), alert('env')));
  t.is(reply.status, 404);
  t.regex(reply.text, /^1 of 2 alerts failed: nobody\.openfaas-fn: [^\n]*not found\n$/);
  t.is(status.replicas, 5);
});

test('a scale that fails is a 500 that names the function and no inner message', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 1);
  provider.scale = () => Promise.reject(new Error('secret path'));
  const reply = await post(url, webhook(alert('env'), alert('nobody')));
  t.is(reply.status, 500);
  t.regex(reply.text, /^2 of 2 alerts failed: env\.openfaas-fn: internal error; nobody[^\n]*\n$/);
});

const bad: [what: string, body: unknown][] = [
  ['no JSON', '{"alerts":'],
  ['an empty body', ''],
  ['a list', []],
  ['no alerts', { status: 'firing' }],
  ['alerts that are no list', { alerts: 'env' }],
  ['an alert without labels', webhook({ status: 'firing' })],
  ['an alert without function_name', webhook({ status: 'firing', labels: { alertname: 'x' } })],
  ['a status of its own', webhook(alert('env', 'unknown'))],
  ['a name with two dots', webhook(alert('a.b.c'))],
  ['a name that is none', webhook(alert('../env'))],
];
for (const [what, body] of bad) {
  test(`${what} is answered 400 with one line, and nothing is scaled`, async (t) => {
    const { url, provider } = await startGateway(t);
    provider.add('env', 1);
    const reply = await post(url, body);
    t.is(reply.status, 400);
    t.regex(reply.text, /^[^\n]+\n$/);
    t.deepEqual(provider.scaled, []);
  });
}

test('alerts ask for the password', async (t) => {
  const secretMountPath = await mkdtemp(join(tmpdir(), 'alert-'));
  t.teardown(() => rm(secretMountPath, { recursive: true }));
  await writeFile(join(secretMountPath, 'basic-auth-user'), 'admin');
  await writeFile(join(secretMountPath, 'basic-auth-password'), 'secret');
  const { url, provider } = await startGateway(t, { config: { enableBasicAuth: true, secretMountPath } });
  provider.add('env', 1);
  t.is((await post(url, webhook(alert('env')))).status, 401);
  t.deepEqual(provider.scaled, []);
  const Authorization = `Basic ${btoa('admin:secret')}`;
  const body = JSON.stringify(webhook(alert('env')));
  const reply = await fetch(`${url}/system/alert`, { method: 'POST', body, headers: { Authorization } });
  t.is(reply.status, 200);
});
