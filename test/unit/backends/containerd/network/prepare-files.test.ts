import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { prepareFiles } from '../../../../../src/backends/containerd/network/index.ts';

const own = { hostname: 'figlet', ip: '10.62.0.7', gateway: '10.62.0.1' };

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'function-files-'));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
}

test('a function finds itself, localhost and the gateway by name', async (t) => {
  const dir = await folder(t);
  const { hosts } = await prepareFiles({ ...own, dir: join(dir, 'new') });
  const names = new Map(
    (await readFile(hosts, 'utf8'))
      .trimEnd()
      .split('\n')
      .reverse()
      .flatMap((line) => {
        const [address = '', ...rest] = line.split(' ');
        return rest.map((name) => [name, address] as const);
      }),
  );
  t.is(names.get('localhost'), '127.0.0.1');
  t.is(names.get('figlet'), own.ip);
  const fullName = 'gateway.openfaas.svc.cluster.local';
  for (const name of ['gateway', 'gateway.openfaas', fullName, `${fullName}.`, 'host.internal']) {
    t.is(names.get(name), own.gateway);
  }
});

test("a change of the host's servers reaches a file that is mounted already", async (t) => {
  const dir = await folder(t);
  const hostFile = join(dir, 'host-resolv.conf');
  const options = { ...own, dir, resolvConfPaths: [hostFile, join(dir, 'absent')] };
  await writeFile(hostFile, 'nameserver 192.0.2.1\n');
  const { resolvConf } = await prepareFiles(options);
  const { ino } = await stat(resolvConf);
  await writeFile(hostFile, 'nameserver 192.0.2.2\n');
  await prepareFiles(options);
  t.is(await readFile(resolvConf, 'utf8'), 'nameserver 192.0.2.2\n');
  t.is((await stat(resolvConf)).ino, ino);
  t.is((await stat(resolvConf)).mode & 0o777, 0o644);
});
