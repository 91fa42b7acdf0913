import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { CniNetwork, loadConflist } from '../../../src/cni/index.ts';
import { NetworkError } from '../../../src/backends/containerd/network/index.ts';
import { until } from '../../helpers/poll.ts';
import { connectFrom, listenIn, sh, testHost, type TestHost } from './host.ts';

/** Everything that attachments put on the host, whoever reads it. */
async function leftovers({ bridge, name, runDir }: TestHost): Promise<string[]> {
  const files = async (folder: string) => readdir(join(runDir, folder)).catch(() => []);
  const ports = await sh('bridge', '-j', 'link').then(
    (text) => JSON.parse(text || '[]') as { ifname: string; master: string }[],
  );
  return [
    ...(await readdir('/run/netns')).filter((file) => file.startsWith(`${name}-`)),
    ...ports.filter(({ master }) => master === bridge).map(({ ifname }) => ifname),
    ...(await files('cni')),
    ...(await files('ipam/openfaas')).filter((file) => /^\d+\./.test(file)),
  ];
}

test('attach gives an address of the subnet, a way out by the bridge, and lo up', async (t) => {
  const host = await testHost(t, { subnet: '10.211.0.0/24' });
  const attachment = await host.network.attach('a');
  const netns = `${host.name}-a`;
  t.deepEqual(attachment, { id: 'a', netnsPath: `/run/netns/${netns}`, ip: '10.211.0.2', gateway: '10.211.0.1' });
  t.deepEqual(await host.network.attachment('a'), attachment);
  t.regex(await sh('ip', '-n', netns, 'link', 'show', 'lo'), /[<,]UP[,>]/);
  t.regex(await sh('ip', '-n', netns, 'address', 'show', 'eth0'), /inet 10\.211\.0\.2\/24/);
  t.regex(await sh('ip', '-n', netns, 'route'), /default via 10\.211\.0\.1 dev eth0/);
  const port = await listenIn(t, attachment.netnsPath);
  t.is(await connectFrom('/proc/self/ns/net', attachment.ip, port), 'open');
  t.is(await connectFrom(attachment.netnsPath, '127.0.0.1', port), 'open');
});

test('attaching again changes nothing, also after a restart of the daemon', async (t) => {
  const host = await testHost(t, { subnet: '10.212.0.0/24' });
  const attachment = await host.network.attach('a');
  const before = await leftovers(host);
  const again = await Promise.all([host.network.attach('a'), host.network.attach('a')]);
  t.deepEqual(again, [attachment, attachment]);
  t.deepEqual(await (await host.restarted()).attach('a'), attachment);
  t.deepEqual(await leftovers(host), before);
});

test('detach leaves nothing, and is fine when there is nothing', async (t) => {
  const host = await testHost(t, { subnet: '10.213.0.0/24' });
  await host.network.attach('a');
  t.is((await leftovers(host)).length, 4);
  await host.network.detach('a');
  t.deepEqual(await leftovers(host), []);
  await host.network.detach('a');
  await host.network.detach('never');
  t.is(await host.network.attachment('a'), undefined);
  t.deepEqual(await host.network.attachments(), []);
});

test('attachments at the same time have addresses of their own', async (t) => {
  const host = await testHost(t, { subnet: '10.214.0.0/24' });
  const ids = Array.from({ length: 16 }, (_, index) => `r${index}`);
  const attached = await Promise.all(ids.map((id) => host.network.attach(id)));
  t.is(new Set(attached.map(({ ip }) => ip)).size, 16);
  t.deepEqual(await host.network.attachments(), ids.toSorted());
  await Promise.all(ids.map((id) => host.network.detach(id)));
  t.deepEqual(await leftovers(host), []);
});

test('a hundred attachments and detachments leave nothing', async (t) => {
  const host = await testHost(t, { subnet: '10.215.0.0/28' });
  const spent = { attach: 0, detach: 0 };
  for (let round = 0; round < 100; round++) {
    const start = performance.now();
    await host.network.attach(`r${round}`);
    const attached = performance.now();
    await host.network.detach(`r${round}`);
    spent.attach += attached - start;
    spent.detach += performance.now() - attached;
  }
  t.log(`mean of 100: attach ${(spent.attach / 100).toFixed(1)} ms, detach ${(spent.detach / 100).toFixed(1)} ms`);
  t.deepEqual(await leftovers(host), []);
});

test('a full subnet says so, leaves nothing of who came too late, and has room again after a detach', async (t) => {
  const host = await testHost(t, { subnet: '10.216.0.0/28' });
  const ids = Array.from({ length: 13 }, (_, index) => `r${index}`);
  await Promise.all(ids.map((id) => host.network.attach(id)));
  const before = await leftovers(host);
  const error = await t.throwsAsync(host.network.attach('late'), { instanceOf: NetworkError });
  t.is(error?.message, 'all 13 addresses of 10.216.0.0/28 are in use: remove functions, or set a larger subnet');
  t.deepEqual(await leftovers(host), before);
  await host.network.detach('r5');
  const { ip } = await host.network.attach('late');
  t.regex(ip, /^10\.216\.0\./);
});

test('a failed attach leaves nothing', async (t) => {
  const host = await testHost(t, { subnet: '10.217.0.0/24' });
  // The bridge plugin takes the address first and then finds something else in its place.
  await sh('ip', 'link', 'add', host.bridge, 'type', 'veth', 'peer', 'name', `p${host.name}`);
  await t.throwsAsync(host.network.attach('a'), { name: 'CniError' });
  t.deepEqual(await leftovers(host), []);
});

test('after a reboot a replica is attached anew', async (t) => {
  const host = await testHost(t, { subnet: '10.218.0.0/24' });
  await host.network.attach('a');
  await sh('ip', 'netns', 'delete', `${host.name}-a`);
  await rm(host.runDir, { recursive: true });
  const network = await host.restarted();
  t.is(await network.attachment('a'), undefined);
  t.deepEqual(await network.attachments(), []);
  t.is((await network.attach('a')).ip, '10.218.0.2');
});

test('a namespace that is gone leaves a stale attachment, which attach and detach clear', async (t) => {
  const host = await testHost(t, { subnet: '10.219.0.0/24' });
  for (const id of ['a', 'b']) {
    await host.network.attach(id);
    await sh('ip', 'netns', 'delete', `${host.name}-${id}`);
    t.is(await host.network.attachment(id), undefined);
  }
  t.deepEqual(await host.network.attachments(), ['a', 'b']);
  const again = await host.network.attach('a');
  t.deepEqual(await host.network.attachment('a'), again);
  await host.network.detach('b');
  await host.network.detach('a');
  t.deepEqual(await leftovers(host), []);
});

test('a port that somebody deleted is noticed by the next attach', async (t) => {
  const host = await testHost(t, { subnet: '10.220.0.0/24' });
  await host.network.attach('a');
  await sh('ip', '-n', `${host.name}-a`, 'link', 'delete', 'eth0');
  const { netnsPath, ip } = await host.network.attach('a');
  const port = await listenIn(t, netnsPath);
  t.is(await connectFrom('/proc/self/ns/net', ip, port), 'open');
});

test('a crash after the namespace was made is listed, cleared by detach and mended by attach', async (t) => {
  const host = await testHost(t, { subnet: '10.221.0.0/24' });
  for (const id of ['a', 'b']) await sh('ip', 'netns', 'add', `${host.name}-${id}`);
  t.deepEqual(await host.network.attachments(), ['a', 'b']);
  await host.network.detach('a');
  t.truthy(await host.network.attach('b'));
  t.deepEqual(await host.network.attachments(), ['b']);
});

test('a crash after the plugins ran but before their result was kept is cleared by detach', async (t) => {
  const host = await testHost(t, { subnet: '10.222.0.0/24' });
  await crashedAfterAdd(host, 'a');
  t.is(await host.network.attachment('a'), undefined);
  t.deepEqual(await host.network.attachments(), ['a']);
  await host.network.detach('a');
  t.deepEqual(await leftovers(host), []);
});

test('a crash in the middle of a detach is finished by the next', async (t) => {
  const host = await testHost(t, { subnet: '10.223.0.0/24' });
  await crashedAfterAdd(host, 'a');
  await sh('ip', 'netns', 'delete', `${host.name}-a`);
  t.deepEqual(await host.network.attachments(), ['a']);
  await host.network.detach('a');
  t.deepEqual(await leftovers(host), []);
});

test('a changed subnet gives replicas new addresses and clears the old ones', async (t) => {
  const host = await testHost(t, { subnet: '10.224.0.0/24' });
  for (const id of ['a', 'b']) await host.network.attach(id);
  const network = await host.restarted({ subnet: '10.225.0.0/24' });
  t.is(await network.attachment('a'), undefined);
  const { netnsPath, ip, gateway } = await network.attach('a');
  t.regex(ip, /^10\.225\.0\./);
  t.is(gateway, '10.225.0.1');
  const port = await listenIn(t, netnsPath);
  t.is(await connectFrom('/proc/self/ns/net', ip, port), 'open');
  for (const id of ['a', 'b']) await network.detach(id);
  t.deepEqual(await leftovers(host), []);
});

test('what a crash in the middle of a self-test left is listed, and taken away by the next one', async (t) => {
  const host = await testHost(t, { subnet: '10.227.0.0/24' });
  await host.network.attach('self-test');
  const network = await host.restarted();
  t.deepEqual(await network.attachments(), ['self-test']);
  const stopping = new AbortController();
  const running = network.keeper.run(stopping.signal);
  await until(async () => (await leftovers(host)).length === 0);
  stopping.abort();
  await running;
  t.deepEqual(await leftovers(host), []);
});

test('a subnet whose size alone changed gives replicas new addresses as well', async (t) => {
  const host = await testHost(t, { subnet: '10.226.0.0/23' });
  await host.network.attach('a');
  const network = await host.restarted({ subnet: '10.226.0.0/24' });
  t.is(await network.attachment('a'), undefined);
  const { netnsPath } = await network.attach('a');
  t.regex(await sh('nsenter', `--net=${netnsPath}`, 'ip', 'address', 'show', 'eth0'), /inet 10\.226\.0\.\d+\/24/);
});

/** What a daemon leaves that is killed between the end of the plugins and the write of their result. */
async function crashedAfterAdd(host: TestHost, id: string): Promise<void> {
  const containerId = `${host.name}-${id}`;
  await sh('ip', 'netns', 'add', containerId);
  const conflist = await loadConflist(join(host.runDir, '../net.conflist'));
  const [bridge] = conflist.plugins;
  const ipam = { type: 'host-local', ranges: [[{ subnet: host.subnet }]], dataDir: join(host.runDir, 'ipam') };
  const cacheDir = join(host.runDir, '../lost');
  const cni = new CniNetwork({
    conflist: { ...conflist, plugins: [{ ...bridge, type: 'bridge', ipam }] },
    binDirs: ['/opt/cni/bin', '/usr/lib/cni'],
    cacheDir,
  });
  await cni.add({ containerId, interfaceName: 'eth0', netnsPath: `/run/netns/${containerId}` });
  await rm(cacheDir, { recursive: true });
}

test('an attachment whose port went while no daemon ran is made anew, beside the first look at the host', async (t) => {
  const host = await testHost(t, { subnet: '10.228.0.0/24' });
  const { netnsPath } = await host.network.attach('a');
  await sh('ip', '-n', netnsPath.split('/').at(-1) ?? '', 'link', 'delete', 'eth0');
  const network = await host.restarted();
  const stopping = new AbortController();
  const running = network.keeper.run(stopping.signal);
  t.teardown(async () => {
    stopping.abort();
    await running;
  });
  const attached = await Promise.race([network.attach('a'), sleep(20_000, undefined, { ref: false })]);
  t.is(attached?.id, 'a');
});
