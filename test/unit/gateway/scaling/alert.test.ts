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
  t.deepEqual(provider.scaled[0], ['env', 4, { durable: false, by: 'alert' }]);
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

for (const [what, foreign] of [
  ['of an unknown function', alert('nobody')],
  ['without labels', { status: 'firing' }],
  ['without function_name', { status: 'firing', labels: { alertname: 'x' } }],
  ['with an empty function_name', alert('')],
  ['with a name of two dots', alert('a.b.c')],
  ['with a name that is none', alert('../env')],
  ['of an unknown function, resolved', alert('nobody', 'resolved')],
] as const) {
  test(`an alert ${what} is passed over, and the others of its batch are obeyed`, async (t) => {
    const { url, provider } = await startGateway(t);
    const status = provider.add('env', 1);
    t.deepEqual(await post(url, webhook(foreign, alert('env'))), { status: 200, text: '' });
    t.is(status.replicas, 5);
    t.is((await post(url, webhook(foreign))).status, 200);
    t.is(provider.scaled.length, 1);
  });
}

for (const [what, foreign] of [
  ['of a status of its own', alert('env', 'unknown')],
  ['with a label that is no text', { status: 'firing', labels: { function_name: 'env', level: 3 } }],
  ['that is none', 'env'],
] as const) {
  test(`an alert ${what} is passed over where others of its batch can be read`, async (t) => {
    const { url, provider } = await startGateway(t);
    const status = provider.add('env', 1);
    const body = { alerts: [foreign, alert('env')] };
    t.deepEqual(await post(url, body), { status: 200, text: '' });
    t.is(status.replicas, 5);
  });
}

test('of an alert that was not given all it asked for, no more is taken back than it was given', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 3);
  const scaleAll = provider.scale.bind(provider);
  provider.scale = (fn, replicas, options) => scaleAll(fn, Math.min(replicas, 4), options);
  await post(url, webhook(alert('env')));
  t.is(status.replicas, 4);
  await post(url, webhook(alert('env', 'resolved')));
  t.is(status.replicas, 3);
});

test('what other replicas a function has stays when an alert is resolved', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 3);
  await post(url, webhook(alert('env')));
  t.is(status.replicas, 7);
  await post(url, webhook(alert('env')));
  t.is(status.replicas, 11);
  await post(url, webhook(alert('env', 'resolved')));
  t.is(status.replicas, 3);
});

test('of two alerts of one function each takes back its own', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 1);
  const slow = (state: string) => ({ status: state, labels: { alertname: 'Slow', function_name: 'env' } });
  await post(url, webhook(alert('env'), slow('firing')));
  t.is(status.replicas, 9);
  await post(url, webhook(slow('resolved')));
  t.is(status.replicas, 5);
  await post(url, webhook(alert('env', 'resolved')));
  t.is(status.replicas, 1);
});

test('an alert that was not heard firing goes back to min', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 6, scale({ min: '2' }));
  await post(url, webhook(alert('env', 'resolved')));
  t.is(status.replicas, 2);
});

test('a scale that fails is a 500 that names the function and no inner message', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 1);
  provider.scale = () => Promise.reject(new Error('secret path'));
  const reply = await post(url, webhook(alert('env'), alert('nobody'), alert('env')));
  t.is(reply.status, 500);
  t.regex(reply.text, /^2 of 3 alerts failed: env\.openfaas-fn: internal error; env[^\n]*\n$/);
});

const bad: [what: string, body: unknown][] = [
  ['no JSON', '{"alerts":'],
  ['an empty body', ''],
  ['a list', []],
  ['no alerts', { status: 'firing' }],
  ['alerts that are no list', { alerts: 'env' }],
  ['a status of its own', webhook(alert('env', 'unknown'))],
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
