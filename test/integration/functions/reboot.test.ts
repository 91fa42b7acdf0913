import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { leftovers } from '../../helpers/leftovers.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { startRegistry } from '../../helpers/registry.ts';
import {
  listOf,
  replicasOf,
  startHost,
  statusOf,
  tasksIn,
  tasksOf,
  untilAvailable,
  untilStatus,
  type TestHost,
} from './setup.ts';

let host: TestHost;

test.before(async () => {
  host = await startHost();
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

/** What a power cut and a new start leave: the disk, and nothing of what ran or was in memory. */
async function reboot({ wipe }: { wipe?: 'containerd' } = {}): Promise<void> {
  const { berth, containerd } = host;
  await berth.kill('SIGKILL');
  await containerd.kill('SIGKILL');
  await endShims(containerd.state, containerd.address);
  await emptied(containerd.state);
  if (wipe) await emptied(containerd.root);
  await emptied('/run/containerd');
  for (const name of await readdir('/run/netns')) await run('ip', ['netns', 'delete', name]);
  await run('ip', ['link', 'delete', 'openfaas0']).catch(() => {});
  await run('/usr/sbin/nft', ['flush', 'ruleset']);
  await rm(join(berth.folder, 'run'), { recursive: true, maxRetries: 10 });
}

/** Processes of the functions and their shims. */
async function endShims(state: string, address: string): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const args = await run('ps', ['-o', 'args=', '-p', pid]).then(
      ({ stdout }) => stdout,
      () => '',
    );
    const isOurs = args.includes('containerd-shim') ? args.includes(address) : args.trim() === '/function';
    if (isOurs) process.kill(Number(pid), 'SIGKILL');
  }
  const mounts = (await run('findmnt', ['-rno', 'TARGET'])).stdout.split('\n').filter((path) => path.startsWith(state));
  for (const path of mounts.reverse()) await run('umount', ['--lazy', path]);
}

async function emptied(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}

test.serial(
  'after a reboot every function is there again with no request: those that slept sleep, secrets are as they were',
  async (t) => {
    t.timeout(120_000);
    const { berth, containerd, registry } = host;
    const { reference: image } = await functionImage(registry, { env: ['VERSION=one'] });
    const deploy = (body: object) => berth.api('POST', '/system/functions', { image, ...body });
    t.is((await berth.api('POST', '/system/namespace/', { name: 'second' })).status, 201);
    t.is((await berth.api('POST', '/system/secrets', { name: 'key', value: 'kept' })).status, 201);
    const offline = await startRegistry();
    t.teardown(() => offline.stop());
    const { reference: unreachable } = await functionImage(offline, { env: ['VERSION=offline'] });
    for (const body of [
      { service: 'offline', image: unreachable },
      { service: 'plain', secrets: ['key'] },
      { service: 'three', labels: { 'com.openfaas.scale.min': '3' } },
      { service: 'asleep' },
      { service: 'elsewhere', namespace: 'second' },
    ]) {
      const { status, text } = await deploy(body);
      t.is(status, 202, text);
    }
    t.is((await berth.api('POST', '/system/scale-function/asleep', { replicas: 0 })).status, 202);
    await until(async () => (await tasksOf(containerd, 'asleep')).length === 0);

    await offline.stop();
    await reboot();
    t.deepEqual(await readdir('/run/netns'), []);
    await containerd.start();
    await berth.start();
    await untilAvailable(berth, 'plain', 1);
    await untilAvailable(berth, 'three', 3);
    await until(async () => (await listOf(berth, 'second'))[0]?.availableReplicas === 1);
    t.like(await statusOf(berth, 'asleep'), { replicas: 0, availableReplicas: 0 });
    await untilAvailable(berth, 'offline', 1);
    t.is((await tasksIn(containerd)).length, 5);
    t.is((await berth.invoke('plain/file/var/openfaas/secrets/key')).text, 'kept');
    t.is((await berth.invoke('elsewhere.second')).status, 200);
    t.is((await berth.invoke('asleep')).status, 200);
    const found = await leftovers(containerd, berth);
    t.is(found.netns.length, 7, 'a network namespace for each replica and none besides');
    t.is(found.addresses.length, 7);
  },
);

test.serial('on a containerd that lost everything, functions are made again from what is wanted', async (t) => {
  t.timeout(120_000);
  const { berth, containerd } = host;
  const before = await replicasOf(containerd, 'plain');
  await reboot({ wipe: 'containerd' });
  await containerd.start();
  await berth.start();
  await untilAvailable(berth, 'plain', 1);
  await untilAvailable(berth, 'three', 3);
  t.is((await berth.invoke('plain/file/var/openfaas/secrets/key')).text, 'kept');
  t.is((await berth.invoke('elsewhere.second')).status, 200);
  t.notDeepEqual(await replicasOf(containerd, 'plain'), before);
  const lost = await untilStatus(berth, 'offline', ({ berth }) => berth.reason !== undefined);
  t.regex(lost.berth.reason ?? '', /cannot reach/, 'one whose registry is gone keeps nobody from coming back');
  for (const name of ['plain', 'three', 'asleep', 'offline']) {
    t.is((await berth.api('DELETE', '/system/functions', { functionName: name })).status, 202);
  }
  await until(async () => (await tasksIn(containerd)).length === 0, { timeoutMs: 30_000 });
});
