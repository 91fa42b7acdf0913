import test from 'ava';
import { StartFailedError } from '../../../../src/provider/index.ts';
import { until } from '../../../helpers/poll.ts';
import { startGateway } from '../with-gateway.ts';

test('a call wakes a sleeping function and is answered by it', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 0);
  const reply = await fetch(`${url}/function/env`);
  t.is(reply.status, 200);
  t.is(await reply.text(), 'hello');
  t.deepEqual(provider.scaled, [['env', 1, { durable: false, by: 'call' }]]);
});

test('a hundred callers of a sleeping function wake it once and all are answered', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 0);
  provider.slow = true;
  const calls = Array.from({ length: 100 }, () => fetch(`${url}/function/env`, { method: 'POST', body: 'x' }));
  await until(() => provider.scaled.length > 0);
  provider.becomeReady();
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  t.deepEqual(
    statuses,
    Array.from({ length: 100 }, () => 200),
  );
  t.is(provider.scaled.length, 1);
});

test('a function wakes to its com.openfaas.scale.min', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 0, { 'com.openfaas.scale.min': '3' });
  t.is((await fetch(`${url}/function/env`)).status, 200);
  t.deepEqual(provider.scaled, [['env', 3, { durable: false, by: 'call' }]]);
});

test('a function that sleeps again is woken again', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 0);
  await fetch(`${url}/function/env`);
  Object.assign(status, { replicas: 0, availableReplicas: 0 });
  t.is((await fetch(`${url}/function/env`)).status, 200);
  t.is(provider.scaled.length, 2);
});

test('a call of a function that does not get ready is answered 504 after wakeMs, and the next tries again', async (t) => {
  const { url, provider } = await startGateway(t, { gateway: { wakeMs: 30 } });
  provider.add('env', 0);
  provider.slow = true;
  const reply = await fetch(`${url}/function/env`);
  t.is(reply.status, 504);
  t.regex(await reply.text(), /^env had no ready replica within 0\.03 s[^\n]*\n$/);
  t.is(reply.headers.get('x-openfaas-internal'), 'proxy');
  provider.becomeReady();
  t.is((await fetch(`${url}/function/env`)).status, 200);
});

test('a call is held for as long as the own probes of the function allow it to start', async (t) => {
  const { url, provider } = await startGateway(t, { gateway: { wakeMs: 30 } });
  const status = provider.add('env', 0);
  const resolve = provider.resolve.bind(provider);
  const waits: (number | undefined)[] = [];
  provider.resolve = (fn, options) => {
    waits.push(options.waitMs);
    return resolve(fn, options);
  };
  status.annotations = { 'com.openfaas.ready.http.initialDelaySeconds': '150' };
  t.is((await fetch(`${url}/function/env`)).status, 200);
  t.deepEqual(waits, [0, 150_000 + 3 * 250 + 1000]);
});

test('a function with replicas that are not ready is waited for and not scaled', async (t) => {
  const { url, provider } = await startGateway(t);
  const status = provider.add('env', 2);
  status.availableReplicas = 0;
  const call = fetch(`${url}/function/env`);
  await until(() => provider.statusCalls > 0);
  provider.becomeReady();
  t.is((await call).status, 200);
  t.deepEqual(provider.scaled, []);
});

test('an unknown function is answered 404 and nothing is woken', async (t) => {
  const { url, provider } = await startGateway(t);
  t.is((await fetch(`${url}/function/nobody`)).status, 404);
  t.is((await fetch(`${url}/function/nobody.dev`)).status, 404);
  t.deepEqual(provider.scaled, []);
  t.is(provider.statusCalls, 0);
});

test('callers are told when waking fails, and the next call tries again', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 0);
  const status = provider.status.bind(provider);
  provider.status = () => Promise.reject(new Error('the disk is full'));
  t.is((await fetch(`${url}/function/env`)).status, 500);
  provider.status = status;
  t.is((await fetch(`${url}/function/env`)).status, 200);
});

test('a call of a function whose start failed is answered 503 at once, with when to try again, and wakes nothing', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 1);
  provider.resolve = (fn) =>
    Promise.reject(new StartFailedError(fn, { reason: 'its process ended', retryAfterMs: 8000 }));
  const reply = await fetch(`${url}/function/env`);
  t.is(reply.status, 503);
  t.is(reply.headers.get('retry-after'), '8');
  t.is(await reply.text(), 'No endpoints available for: env, its process ended.\n');
  t.is(provider.scaled.length, 0);
});
