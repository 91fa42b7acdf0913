import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { NetworkdFile } from '../../../../../src/backends/containerd/network/networkd-file.ts';

async function host(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'networkd-'));
  t.teardown(() => rm(root, { recursive: true }));
  const [stateDir, etc, run] = ['netif', 'etc', 'run'].map((name) => join(root, name));
  const kept = new NetworkdFile({ bridge: 'openfaas0', stateDir, dirs: [etc ?? '', run ?? ''] });
  return { kept, stateDir: stateDir ?? '', etc: etc ?? '', run: run ?? '', root };
}

test('where systemd-networkd does not run there is no file', async (t) => {
  const { kept, root } = await host(t);
  t.deepEqual(await kept.keep(), {});
  t.deepEqual(await readdir(root), []);
});

test('the file that keeps systemd-networkd away is written, and put back once it is gone or changed', async (t) => {
  const { kept, stateDir, run } = await host(t);
  await mkdir(stateDir);
  t.deepEqual(await kept.keep(), {});
  const file = join(run, '00-berth-openfaas0.network');
  const text = await readFile(file, 'utf8');
  t.is(text, '[Match]\nName=openfaas0 veth*\n\n[Link]\nUnmanaged=yes\n');
  t.deepEqual(await kept.keep(), {});
  for (const harm of [() => rm(file), () => writeFile(file, '')]) {
    await harm();
    t.is((await kept.keep()).mended?.length, 1);
    t.is(await readFile(file, 'utf8'), text);
  }
});

test("an administrator's file of the same name stands", async (t) => {
  const { kept, stateDir, etc, root } = await host(t);
  await Promise.all([mkdir(stateDir), mkdir(etc)]);
  await writeFile(join(etc, '00-berth-openfaas0.network'), '[Match]\nName=openfaas0\n');
  t.deepEqual(await kept.keep(), {});
  t.deepEqual((await readdir(root)).toSorted(), ['etc', 'netif']);
});
