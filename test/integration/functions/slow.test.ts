import test, { type ExecutionContext } from 'ava';
import type { Answer } from '../../helpers/berth.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import {
  listOf,
  replicasOf,
  startHost,
  statusOf,
  tasksOf,
  untilAvailable,
  untilStatus,
  wholeLog,
  type TestHost,
} from './setup.ts';
import { startSlowRegistry, type SlowRegistry } from './slow-registry.ts';
import { startTraffic } from './traffic.ts';

// A deploy answers after 20 s at the latest. These tests wait for that side by side, each with functions of its own.

let host: TestHost;
let slow: SlowRegistry;
let one: string;
let two: string;

test.before(async () => {
  host = await startHost();
  slow = await startSlowRegistry(host.registry, 22_000);
  one = (await functionImage(host.registry, { tag: 'one', env: ['VERSION=one'] })).reference;
  two = (await functionImage(host.registry, { tag: 'two', env: ['VERSION=two'] })).reference;
});
test.after.always(async () => {
  slow?.stop();
  await host?.stop();
});

const post = (body: object) => host.berth.api('POST', '/system/functions', { image: one, ...body });
const put = (body: object) => host.berth.api('PUT', '/system/functions', { image: two, ...body });

async function isAccepted(t: ExecutionContext, answer: Promise<Answer>): Promise<void> {
  const { status, text } = await answer;
  t.is(status, 202, text);
}

async function versionOf(name: string): Promise<string> {
  const { status, text } = await host.berth.invoke(name);
  return status === 200 ? (text.split(' ')[0] ?? '') : `${status} ${text}`;
}

test('an update that is slow to start is answered 202; the old version answers until the new one is ready', async (t) => {
  await isAccepted(t, post({ service: 'slowstart' }));
  const traffic = startTraffic(host.berth, 'slowstart', { workers: 1, pauseMs: 100 });
  await isAccepted(t, put({ service: 'slowstart', envVars: { START_DELAY_MS: '24000' } }));
  t.is(await versionOf('slowstart'), 'one');
  t.like(await statusOf(host.berth, 'slowstart'), { image: one, availableReplicas: 1 });
  await until(async () => (await versionOf('slowstart')) === 'two', { timeoutMs: 30_000, message: 'the new version' });
  t.deepEqual(await traffic.stop(), []);
  t.like(await statusOf(host.berth, 'slowstart'), { image: two, availableReplicas: 1 });
});

test('an update that never listens keeps nobody from the next one', async (t) => {
  await isAccepted(t, post({ service: 'deaf' }));
  await isAccepted(t, put({ service: 'deaf', envVars: { PORT: '9999' } }));
  t.is(await versionOf('deaf'), 'one');
  t.is((await put({ service: 'deaf' })).status, 200);
  t.is(await versionOf('deaf'), 'two');
  await until(async () => (await replicasOf(host.containerd, 'deaf')).length === 1, { message: 'the deaf one to go' });
});

test('an update that is overtaken while it waits is told so at once', async (t) => {
  await isAccepted(t, post({ service: 'overtaken' }));
  const overtaken = put({ service: 'overtaken', envVars: { PORT: '9999' } });
  await until(async () => (await tasksOf(host.containerd, 'overtaken')).length === 2, { message: 'both versions' });
  const newer = await put({ service: 'overtaken' });
  t.is(newer.status, 200, newer.text);
  const { status, text } = await overtaken;
  t.is(status, 409);
  t.regex(text, /newer update of overtaken/);
});

test('a function removed while its update waits is gone, the waiting version too, and the update is told', async (t) => {
  await isAccepted(t, post({ service: 'removed' }));
  const waiting = put({ service: 'removed', envVars: { PORT: '9999' } });
  await until(async () => (await tasksOf(host.containerd, 'removed')).length === 2, { message: 'both versions' });
  t.is((await host.berth.api('DELETE', '/system/functions', { functionName: 'removed' })).status, 202);
  t.is((await waiting).status, 404);
  await until(async () => (await replicasOf(host.containerd, 'removed')).length === 0);
});

test('a function whose image takes long to pull is accepted, shown as not ready, and comes by itself', async (t) => {
  await functionImage(host.registry, { name: 'longpull', env: ['VERSION=one'] });
  const before = (await host.registry.requests()).length;
  await isAccepted(t, post({ service: 'longpull', image: `${slow.host}/longpull:latest` }));
  t.like(await statusOf(host.berth, 'longpull'), { replicas: 1, availableReplicas: 0 });
  const { berth } = await untilAvailable(host.berth, 'longpull', 1);
  t.regex(berth.imageDigest ?? '', /^sha256:/);
  t.is(await versionOf('longpull'), 'one');
  const requests = (await host.registry.requests()).slice(before);
  const resolved = requests.filter((line) => /^HEAD \S+longpull\/manifests\/latest$/.test(line));
  t.is(resolved.length, 1, 'the one pull goes on, no other is begun');
});

test('a call of a function whose image is still being pulled is held until it is there', async (t) => {
  await isAccepted(t, post({ service: 'heldpull', image: `${slow.host}/fn:two` }));
  t.is(await versionOf('heldpull'), 'two');
});

test('a function whose long pull fails is shown with the reason, and the next update mends it', async (t) => {
  await isAccepted(t, post({ service: 'badpull', image: `${slow.host}/fn:absent` }));
  const status = await untilStatus(host.berth, 'badpull', ({ berth }) => berth.reason !== undefined);
  t.is(status.availableReplicas, 0);
  t.regex(status.berth.reason ?? '', /no such image/);
  const mended = await put({ service: 'badpull' });
  t.is(mended.status, 200, mended.text);
  t.is(await versionOf('badpull'), 'two');
});

test('an update whose long pull fails leaves the old version, and the status says why', async (t) => {
  await isAccepted(t, post({ service: 'badupdate' }));
  await isAccepted(t, put({ service: 'badupdate', image: `${slow.host}/fn:nowhere` }));
  const status = await untilStatus(host.berth, 'badupdate', ({ berth }) => berth.failedUpdate !== undefined);
  t.like(status, { image: one, availableReplicas: 1 });
  t.regex(status.berth.failedUpdate ?? '', /no such image/);
  t.is(await versionOf('badupdate'), 'one');
});

test('a function removed while its image is being pulled does not come back', async (t) => {
  await functionImage(host.registry, { name: 'dropped' });
  await isAccepted(t, post({ service: 'dropped', image: `${slow.host}/dropped:latest` }));
  t.is((await host.berth.api('DELETE', '/system/functions', { functionName: 'dropped' })).status, 202);
  t.is((await host.berth.invoke('dropped')).status, 404);
  await until(async () => /pulled image image=\S+\/dropped:latest/.test(await wholeLog(host.berth)), {
    timeoutMs: 30_000,
    message: 'the pull to end',
  });
  t.false((await listOf(host.berth)).some(({ name }) => name === 'dropped'));
  t.deepEqual(await replicasOf(host.containerd, 'dropped'), []);
});

test('a replica that fails its liveness path is replaced', async (t) => {
  const annotations = {
    'com.openfaas.health.http.path': '/_/health',
    'com.openfaas.health.http.periodSeconds': '1',
    'com.openfaas.health.http.failureThreshold': '2',
  };
  await isAccepted(t, post({ service: 'sick', annotations, envVars: { HEALTH: '200' } }));
  const [before] = await replicasOf(host.containerd, 'sick');
  t.is((await host.berth.invoke('sick/set/HEALTH/500')).status, 200);
  await until(
    async () => {
      const [now, more] = await replicasOf(host.containerd, 'sick');
      return now !== undefined && now !== before && more === undefined;
    },
    { timeoutMs: 30_000, message: 'another replica' },
  );
  await untilAvailable(host.berth, 'sick', 1);
  t.is(await versionOf('sick'), 'one');
});

test('a replica that says it is not ready gets no calls until it is, and keeps its process', async (t) => {
  const annotations = {
    'com.openfaas.ready.http.path': '/_/ready',
    'com.openfaas.ready.http.periodSeconds': '200ms',
    'com.openfaas.ready.http.failureThreshold': '2',
  };
  await isAccepted(t, post({ service: 'busy', annotations, envVars: { READY: '200' } }));
  const ip = /^(10\S+) busy$/m.exec((await host.berth.invoke('busy/file/etc/hosts')).text)?.[1];
  const [before] = await tasksOf(host.containerd, 'busy');
  await fetch(`http://${ip}:8080/set/READY/503`);
  await untilAvailable(host.berth, 'busy', 0);
  const held = host.berth.invoke('busy');
  await fetch(`http://${ip}:8080/set/READY/200`);
  await untilAvailable(host.berth, 'busy', 1);
  t.is((await held).status, 200);
  t.deepEqual(await tasksOf(host.containerd, 'busy'), before && [before]);
});
