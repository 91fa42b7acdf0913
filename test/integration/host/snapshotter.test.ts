import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { diskUsage } from '../../../src/backends/containerd/replicas/disk-usage.ts';
import { Containerd } from '../../../src/containerd/index.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { callOf, deploy, remove } from '../lifecycle/setup.ts';
import { replicasOf, startHost, wholeLog, type TestHost } from '../functions/setup.ts';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
  for (const service of ['first', 'second']) await deploy(host.berth, { service, image });
});
test.after.always(async () => {
  await host?.stop();
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-6000));
});

const ctr = (...args: string[]) => host.containerd.ctr('-n', 'openfaas-fn', ...args);

async function startAgain(env: Record<string, string>, unready = false): Promise<void> {
  await host.berth.kill();
  await host.berth.start({ env, unready });
}

async function snapshotterOf(name: string): Promise<string> {
  const [id = ''] = await replicasOf(host.containerd, name);
  return (JSON.parse(await ctr('containers', 'info', id)) as { Snapshotter: string }).Snapshotter;
}

/** Removes a function, and waits until nothing of it is left. */
async function removeWhole(name: string, snapshotter: string): Promise<void> {
  const [id = ''] = await replicasOf(host.containerd, name);
  await remove(host.berth, name);
  await until(async () => (await replicasOf(host.containerd, name)).length === 0, { timeoutMs: 30_000 });
  const left = await ctr('snapshots', '--snapshotter', snapshotter, 'list');
  if (left.includes(id)) throw new Error(`${id} is left:\n${left}`);
}

test.serial(
  'new replicas are made with the snapshotter that is set, those of another one run on and can go',
  async (t) => {
    t.is(await snapshotterOf('first'), 'overlayfs');
    await startAgain({ snapshotter: 'native' });
    await callOf(host.berth, 'first');
    await removeWhole('first', 'overlayfs');
    await deploy(host.berth, { service: 'copied', image });
    await callOf(host.berth, 'copied');
    t.is(await snapshotterOf('copied'), 'native');
    await using opened = new AsyncDisposableStack();
    const client = opened.adopt(new Containerd({ address: host.containerd.address }), (open) => open.close());
    const [id = ''] = await replicasOf(host.containerd, 'copied');
    const { bytes } = await diskUsage(client.namespace('openfaas-fn'), id);
    t.true(bytes < 100_000, `the copy of the image is not what the replica took: ${bytes}`);
  },
);

test.serial('one that containerd does not have is named with those that it has, and functions run on', async (t) => {
  for (const [name, words] of [
    ['nonesuch', /containerd has no snapshotter nonesuch: set snapshotter to one that it has: native, overlayfs/],
    ['btrfs', /containerd has no snapshotter btrfs: /],
  ] as const) {
    await startAgain({ snapshotter: name });
    await until(async () => words.test(await wholeLog(host.berth)), { message: String(words) });
    for (const service of ['second', 'copied']) await callOf(host.berth, service);
    const { status, text } = await host.berth.api('POST', '/system/functions', { service: 'third', image });
    t.is(status, 503);
    t.regex(text, words);
  }
  t.is((await host.berth.api('GET', '/system/function/third')).status, 404);
});

test.serial('where containerd refuses overlayfs native takes its place, which is said once', async (t) => {
  await host.containerd.kill();
  const config = join(host.containerd.folder, 'config.toml');
  const off = (await readFile(config, 'utf8')).replace('= [', '= ["io.containerd.snapshotter.v1.overlayfs",');
  await writeFile(config, off);
  await host.containerd.start();
  await startAgain({});
  for (const service of ['second', 'copied']) await callOf(host.berth, service);
  await deploy(host.berth, { service: 'third', image });
  await callOf(host.berth, 'third');
  t.is(await snapshotterOf('third'), 'native');
  const said = (await wholeLog(host.berth)).match(/containerd refuses overlayfs, using native/g);
  t.is(said?.length, 1);
  await remove(host.berth, 'second');
  await until(async () => (await replicasOf(host.containerd, 'second')).length === 0, { timeoutMs: 30_000 });
});
