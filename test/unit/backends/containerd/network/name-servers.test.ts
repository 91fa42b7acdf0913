import { mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { prepareFiles } from '../../../../../src/backends/containerd/network/prepare-files.ts';
import { NameServers } from '../../../../../src/backends/containerd/network/name-servers.ts';

async function host(t: ExecutionContext, resolvConf = 'nameserver 192.0.2.1\n') {
  const dir = await mkdtemp(join(tmpdir(), 'name-servers-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const hostFile = join(dir, 'host-resolv.conf');
  await writeFile(hostFile, resolvConf);
  const filesDir = join(dir, 'replicas');
  for (const id of ['a', 'b']) {
    await mkdir(join(filesDir, id), { recursive: true });
    await writeFile(join(filesDir, id, 'resolv.conf'), 'nameserver 10.62.0.1\n', { mode: 0o644 });
  }
  const options = { filesDir, gateway: '10.62.0.1', resolvConfPaths: [join(dir, 'absent'), hostFile] };
  const servers = () => Promise.all(['a', 'b'].map((id) => readFile(join(filesDir, id, 'resolv.conf'), 'utf8')));
  return { hostFile, filesDir, servers, nameServers: new NameServers(options) };
}

test('replicas that started before the router follow the name servers that come with it, in the same file', async (t) => {
  const { hostFile, filesDir, servers, nameServers } = await host(t, '');
  await nameServers.keep();
  const { ino } = await stat(join(filesDir, 'a', 'resolv.conf'));
  await writeFile(hostFile, 'nameserver 192.0.2.2\nsearch lan\n');
  const { mended, problems } = await nameServers.keep();
  t.deepEqual(await servers(), Array(2).fill('nameserver 192.0.2.2\nsearch lan\n'));
  t.is((await stat(join(filesDir, 'a', 'resolv.conf'))).ino, ino);
  t.deepEqual(mended, ['name servers changed to 192.0.2.2, resolv.conf of 2 replicas with them']);
  t.deepEqual(problems, []);
});

test('a change while nobody looked is made up for, and nothing is said where nothing changed', async (t) => {
  const { servers, nameServers } = await host(t);
  t.is((await nameServers.keep()).mended?.length, 1);
  t.deepEqual(await servers(), Array(2).fill('nameserver 192.0.2.1\n'));
  t.is((await nameServers.keep()).mended, undefined);
});

test('a replica that was being made as the servers changed follows at the next look', async (t) => {
  const { filesDir, servers, nameServers } = await host(t);
  await nameServers.keep();
  await writeFile(join(filesDir, 'b', 'resolv.conf'), 'nameserver 192.0.2.9\n');
  await nameServers.keep();
  t.deepEqual(await servers(), Array(2).fill('nameserver 192.0.2.1\n'));
});

test('a file that is just being written is not believed, one that stays empty is, and that is said but no failure', async (t) => {
  const { hostFile, servers, nameServers } = await host(t);
  await nameServers.keep();
  await writeFile(hostFile, '');
  await nameServers.keep();
  t.deepEqual(await servers(), Array(2).fill('nameserver 192.0.2.1\n'));
  const { problems = [] } = await nameServers.keep();
  t.deepEqual(await servers(), Array(2).fill('nameserver 10.62.0.1\n'));
  t.regex(problems[0]?.message ?? '', /no name server that functions can reach/);
  t.like(problems[0], { isNote: true, fields: { gateway: '10.62.0.1' } });
});

test("the host's file is followed through a rename over it, another symbolic link, and its removal", async (t) => {
  const { hostFile, servers, nameServers } = await host(t);
  const other = `${hostFile}.other`;
  const changes: [string, () => Promise<void>][] = [
    ['192.0.2.2', () => writeFile(other, 'nameserver 192.0.2.2\n').then(() => rename(other, hostFile))],
    [
      '192.0.2.3',
      async () => {
        await writeFile(other, 'nameserver 192.0.2.3\n');
        await rm(hostFile);
        await symlink(other, hostFile);
      },
    ],
    ['10.62.0.1', () => rm(hostFile)],
  ];
  for (const [server, change] of changes) {
    await nameServers.keep();
    await change();
    for (let look = 0; look < 2; look++) await nameServers.keep();
    t.deepEqual(await servers(), Array(2).fill(`nameserver ${server}\n`));
  }
});

test('a replica with servers of its own keeps them as the host changes, and follows in what it has not', async (t) => {
  const { hostFile, filesDir, servers, nameServers } = await host(t);
  const options = { hostname: 'fn', ip: '10.62.0.9', gateway: '10.62.0.1', resolvConfPaths: [hostFile] };
  await prepareFiles({ ...options, dir: join(filesDir, 'a'), ownDns: { servers: ['10.0.0.2'] } });
  await nameServers.keep();
  await writeFile(hostFile, 'nameserver 192.0.2.2\nsearch lan\n');
  await nameServers.keep();
  t.deepEqual(await servers(), ['nameserver 10.0.0.2\nsearch lan\n', 'nameserver 192.0.2.2\nsearch lan\n']);
  // The same replica without them, as no version has it, is as all are.
  await prepareFiles({ ...options, dir: join(filesDir, 'a') });
  t.deepEqual(await servers(), Array(2).fill('nameserver 192.0.2.2\nsearch lan\n'));
});
