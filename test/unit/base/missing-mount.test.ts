import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { missingMount } from '../../../src/base/missing-mount.ts';

async function host(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'mounts-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const tables = { fstab: join(dir, 'fstab'), units: join(dir, 'units'), mounted: join(dir, 'mountinfo') };
  await mkdir(tables.units);
  return { dir, tables };
}

test('what fstab or a unit mounts at a folder, or above it, is missing until it is mounted', async (t) => {
  const { dir, tables } = await host(t);
  const folder = join(dir, 'a b/data');
  t.is(await missingMount(folder, tables), undefined);
  const lines = [
    '# /dev/sdz /',
    '/dev/sda / ext4 defaults 0 1',
    'UUID=1 none swap sw 0 0',
    `nas:/x ${dir}/a\\040b nfs nofail`,
  ];
  await writeFile(tables.fstab, lines.join('\n'));
  t.is(await missingMount(folder, tables), join(dir, 'a b'));
  t.is(await missingMount(join(dir, 'a bc'), tables), undefined);
  await writeFile(tables.mounted, `36 35 98:0 / ${dir}/a\\040b rw - nfs nas:/x rw\n`);
  t.is(await missingMount(folder, tables), undefined);
  await writeFile(join(tables.units, 'data.mount'), `[Mount]\nWhat=/dev/sdb\nWhere = ${folder}\n`);
  t.is(await missingMount(folder, tables), folder);
});

test('a folder that a link leads to is on the disk that it leads to', async (t) => {
  const { dir, tables } = await host(t);
  await mkdir(join(dir, 'disk/functions'), { recursive: true });
  await symlink(join(dir, 'disk/functions'), join(dir, 'link'));
  await writeFile(tables.fstab, `UUID=1 ${dir}/disk ext4 nofail 0 2\n`);
  t.is(await missingMount(join(dir, 'link'), tables), join(dir, 'disk'));
});
