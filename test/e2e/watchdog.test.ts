/** What watchdogs do that a gateway must know about, with the stand-in of test/fixtures/watchdog. */
import test from 'ava';
import { watchdogImage } from '../helpers/functions.ts';
import { startHost, type TestHost } from '../integration/functions/setup.ts';

let host: TestHost;

test.before(async () => {
  host = await startHost();
});
test.after.always(() => host.stop());

async function deploy(service: string, image: string, envProcess: string, envVars: Record<string, string> = {}) {
  const { status, text } = await host.berth.api('POST', '/system/functions', { service, image, envProcess, envVars });
  if (status !== 202) throw new Error(`${status} ${text}`);
}

test.serial('no call fails while the server behind a watchdog is not listening yet', async (t) => {
  const { reference: image } = await watchdogImage(host.registry, {
    name: 'slow',
    env: ['mode=http', 'upstream_url=http://127.0.0.1:8082'],
    layers: [
      {
        handler: { content: '#!/bin/sh\nsleep 2\nexec httpd -f -p 8082 -h /www\n', mode: 0o755 },
      },
    ],
  });
  await deploy('slow', image, '/handler');
  const { status, text } = await host.berth.invoke('slow/index.html');
  t.deepEqual({ status, text }, { status: 200, text: 'busybox\n' });

  await host.berth.api('POST', '/system/scale-function/slow', { serviceName: 'slow', replicas: 0 });
  const woken = await host.berth.invoke('slow/index.html', { method: 'GET' });
  t.deepEqual({ status: woken.status, text: woken.text }, { status: 200, text: 'busybox\n' });
});

test.serial('calls over max_inflight wait for a place and are not refused', async (t) => {
  const { reference: image } = await watchdogImage(host.registry);
  await deploy('narrow', image, 'sleep 1', { max_inflight: '1' });
  const answers = await Promise.all([1, 2, 3].map(() => host.berth.invoke('narrow', { method: 'POST' })));
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
});

test.serial('a call under way ends in the old version while new calls reach the new one', async (t) => {
  const { reference: image } = await watchdogImage(host.registry);
  await deploy('draining', image, 'sleep 3');
  const underWay = host.berth.invoke('draining', { method: 'POST' });
  const body = { service: 'draining', image, envProcess: 'echo new' };
  const updated = await host.berth.api('PUT', '/system/functions', body);
  t.is(updated.status, 200, updated.text);
  t.is((await host.berth.invoke('draining', { method: 'POST' })).text, 'new\n');
  const { status, text } = await underWay;
  t.deepEqual({ status, text }, { status: 200, text: '' });
});

test.serial('a function over its time is answered as its watchdog does', async (t) => {
  const { reference: image } = await watchdogImage(host.registry);
  await deploy('endless', image, 'sleep 30', { exec_timeout: '1s' });
  const { status, text } = await host.berth.invoke('endless', { method: 'POST' });
  t.deepEqual({ status, text }, { status: 408, text: 'Killed process.\n' });
});
