import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import type { Mount } from '../../../src/containerd/index.ts';
import { resolveUser } from '../../../src/backends/containerd/runtime-spec/index.ts';
import { StartError } from '../../../src/backends/containerd/start-error.ts';

const execute = promisify(execFile);

/** An overlay that the kernel itself wrote: `change` works on it mounted, what is returned is read unmounted. */
async function changedImage(t: ExecutionContext, change: (root: string) => Promise<void>): Promise<Mount[]> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-overlay-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const [upper, lower, work, root] = ['upper', 'lower', 'work', 'root'].map((name) => join(folder, name));
  if (!upper || !lower || !work || !root) throw new Error('four folders');
  for (const path of [upper, join(lower, 'etc'), work, root]) await mkdir(path, { recursive: true });
  await writeFile(join(lower, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:\n');
  await writeFile(join(lower, 'etc/group'), 'extra:x:44:app\n');
  const options = [`workdir=${work}`, `upperdir=${upper}`, `lowerdir=${lower}`];
  await execute('mount', ['-t', 'overlay', 'overlay', '-o', options.join(','), root]);
  try {
    await change(root);
  } finally {
    await execute('umount', [root]);
  }
  return [{ type: 'overlay', source: 'overlay', target: '', options: ['index=off', ...options] }];
}

test('an overlay without changes gives the lower layer’s user', async (t) => {
  const mounts = await changedImage(t, () => Promise.resolve());
  t.deepEqual(await resolveUser(mounts, 'app'), { uid: 1000, gid: 1000, additionalGids: [1000, 44] });
});

test('a deleted account file is not read from the layer below', async (t) => {
  const mounts = await changedImage(t, (root) => unlink(join(root, 'etc/passwd')));
  await t.throwsAsync(resolveUser(mounts, 'app'), { instanceOf: StartError });
  t.deepEqual(await resolveUser(mounts, '1000'), { uid: 1000, gid: 0, additionalGids: [0] });
});

test('a deleted folder hides the account file below it', async (t) => {
  const mounts = await changedImage(t, (root) => rm(join(root, 'etc'), { recursive: true }));
  await t.throwsAsync(resolveUser(mounts, 'app'), { instanceOf: StartError });
});

test('a folder replaced by a link is read where the link leads', async (t) => {
  const mounts = await changedImage(t, async (root) => {
    await rm(join(root, 'etc'), { recursive: true });
    await mkdir(join(root, 'usr/etc'), { recursive: true });
    await writeFile(join(root, 'usr/etc/passwd'), 'app:x:7:8::/:\n');
    await symlink('/usr/etc', join(root, 'etc'));
  });
  t.deepEqual(await resolveUser(mounts, 'app'), { uid: 7, gid: 8, additionalGids: [8] });
});

test('a named pipe in place of the account file does not block', async (t) => {
  const mounts = await changedImage(t, async (root) => {
    await unlink(join(root, 'etc/passwd'));
    await execute('mkfifo', [join(root, 'etc/passwd')]);
  });
  await t.throwsAsync(resolveUser(mounts, 'app'), { instanceOf: StartError });
});
