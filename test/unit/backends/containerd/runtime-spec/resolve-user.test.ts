import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Mount } from '../../../../../src/containerd/index.ts';
import { resolveUser } from '../../../../../src/backends/containerd/runtime-spec/index.ts';
import { StartError } from '../../../../../src/backends/containerd/start-error.ts';

const passwd = `root:x:0:0:root:/root:/bin/sh

app:x:1000:1001:App:/home/app:/bin/sh
web:x:33:33::/var/www:/sbin/nologin
broken:x:none:5::/:
+::::::
`;
const group = `# a comment:x:9:app
root:x:0:root
wheel:x:10:root,app
app:x:1001:app
www:x:33:web
video:x:44:web,app
`;

/** A layer as a real folder: text for a file, `-> target` for a symbolic link. */
async function layer(t: ExecutionContext, entries: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-layer-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [path, content] of Object.entries(entries)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    if (content.startsWith('-> ')) await symlink(content.slice(3), join(folder, path));
    else await writeFile(join(folder, path), content);
  }
  return folder;
}

const bind = (source: string): Mount[] => [{ type: 'bind', source, target: '', options: ['rw', 'rbind'] }];

/** Layers from the top; the first is the writable one. */
const overlay = (upper: string, ...lower: string[]): Mount[] => [
  {
    type: 'overlay',
    source: 'overlay',
    target: '',

    options: ['index=off', 'workdir=/nowhere', `upperdir=${upper}`, `lowerdir=${lower.join(':')}`],
  },
];

for (const [user, uid, gid, additionalGids] of [
  ['', 0, 0, [0, 10]],
  ['root', 0, 0, [0, 10]],
  ['0', 0, 0, [0, 10]],
  ['app', 1000, 1001, [1001, 10, 44]],
  ['1000', 1000, 1001, [1001, 10, 44]],
  ['app:video', 1000, 44, [44, 10]],
  ['app:', 1000, 1001, [1001, 10, 44]],
  [':5', 0, 5, [5, 10]],
  ['app:5', 1000, 5, [5, 10, 44]],
  ['1000:www', 1000, 33, [33, 10, 44]],
  ['33', 33, 33, [33, 44]],
  ['33:0', 33, 0, [0, 33, 44]],
  ['65532', 65532, 0, [0]],
  ['65532:65532', 65532, 65532, [65532]],
  ['2147483647:2147483647', 2147483647, 2147483647, [2147483647]],
] as const) {
  test(`USER "${user}" is ${uid}:${gid}`, async (t) => {
    const mounts = bind(await layer(t, { 'etc/passwd': passwd, 'etc/group': group }));
    const found = await resolveUser(mounts, user);
    t.is(found.uid, uid);
    t.is(found.gid, gid);
    t.is(found.additionalGids[0], gid, 'the primary group comes first');
    t.deepEqual(new Set(found.additionalGids), new Set(additionalGids));
  });
}

for (const user of ['nobody', 'broken', '+', '-1', '2147483648', 'app:nogroup', 'a:b:c', 'app:-1']) {
  test(`USER "${user}" is refused`, async (t) => {
    const mounts = bind(await layer(t, { 'etc/passwd': passwd, 'etc/group': group }));
    const error = await t.throwsAsync(resolveUser(mounts, user), { instanceOf: StartError });
    t.regex(error.message, /USER/);
  });
}

test('an image without account files runs as root or by number', async (t) => {
  const mounts = bind(await layer(t, {}));
  t.deepEqual(await resolveUser(mounts, ''), { uid: 0, gid: 0, additionalGids: [0] });
  t.deepEqual(await resolveUser(mounts, '100'), { uid: 100, gid: 0, additionalGids: [0] });
  await t.throwsAsync(resolveUser(mounts, 'app'), { instanceOf: StartError });
});

test('the topmost layer that has the file counts', async (t) => {
  const upper = await layer(t, {});
  const middle = await layer(t, { 'etc/passwd': 'app:x:7:8::/:\n' });
  const base = await layer(t, { 'etc/passwd': passwd, 'etc/group': 'g:x:9:app\n' });
  t.deepEqual(await resolveUser(overlay(upper, middle, base), 'app'), { uid: 7, gid: 8, additionalGids: [8, 9] });
  const changed = await layer(t, { 'etc/passwd': 'app:x:1:2::/:\n' });
  t.like(await resolveUser(overlay(changed, middle, base), 'app'), { uid: 1, gid: 2 });
});

test('a read-only view of an image, which has no upper folder, is read', async (t) => {
  const [first, second] = [await layer(t, {}), await layer(t, { 'etc/passwd': passwd })];
  const view = [{ type: 'overlay', source: 'overlay', target: '', options: [`lowerdir=${first}:${second}`] }];
  t.like(await resolveUser(view, 'app'), { uid: 1000 });
});

test('a file where a lower layer has a folder hides it', async (t) => {
  const upper = await layer(t, { etc: 'not a folder' });
  const base = await layer(t, { 'etc/passwd': passwd });
  await t.throwsAsync(resolveUser(overlay(upper, base), 'app'), { instanceOf: StartError });
});

test('a folder over a file over a folder shows only the top one', async (t) => {
  const upper = await layer(t, { 'etc/group': group });
  const middle = await layer(t, { etc: 'not a folder' });
  const base = await layer(t, { 'etc/passwd': passwd });
  await t.throwsAsync(resolveUser(overlay(upper, middle, base), 'app'), { instanceOf: StartError });
});

for (const [title, link] of [
  ['absolute', '-> /nix/store/abc/passwd'],
  ['relative', '-> ../nix/store/abc/passwd'],
  ['climbing above the root', '-> ../../../../nix/store/abc/passwd'],
] as const) {
  test(`a link that is ${title} is followed within the image, across layers`, async (t) => {
    const upper = await layer(t, { 'etc/passwd': link });
    const base = await layer(t, { 'nix/store/abc/passwd': passwd });
    t.like(await resolveUser(overlay(upper, base), 'app'), { uid: 1000 });
  });
}

test('a linked folder is followed within the image', async (t) => {
  const upper = await layer(t, { etc: '-> /usr/etc/' });
  const base = await layer(t, { 'usr/etc/passwd': passwd });
  t.like(await resolveUser(overlay(upper, base), 'app'), { uid: 1000 });
});

for (const target of ['/etc/passwd', '../../../../../../etc/passwd', '/proc/self/root/etc/passwd']) {
  test(`a link to ${target} never reads the host's accounts`, async (t) => {
    const mounts = bind(await layer(t, { 'etc/passwd': '-> /elsewhere', elsewhere: `-> ${target}` }));
    await t.throwsAsync(resolveUser(mounts, 'daemon'), { instanceOf: StartError });
  });
}

test('a link to the host by its real path is not followed either', async (t) => {
  const outside = await layer(t, { passwd });
  const mounts = bind(await layer(t, { 'etc/passwd': `-> ${outside}/passwd` }));
  await t.throwsAsync(resolveUser(mounts, 'app'), { instanceOf: StartError });
});

test('a folder in place of the account file counts as none', async (t) => {
  const mounts = bind(await layer(t, { 'etc/passwd/x': '' }));
  t.deepEqual(await resolveUser(mounts, ''), { uid: 0, gid: 0, additionalGids: [0] });
});

test('an account file of unreasonable size is refused', async (t) => {
  const mounts = bind(await layer(t, { 'etc/passwd': '\n'.repeat(16 * 1024 * 1024 + 1) }));
  const error = await t.throwsAsync(resolveUser(mounts, 'app'), { instanceOf: StartError });
  t.regex(error.message, /16Mi/);
});

test("an overlay of another kind, such as in user space, is read as the kernel's is", async (t) => {
  const [upper, lower] = [await layer(t, {}), await layer(t, { 'etc/passwd': 'app:x:1001:1002::/:\n' })];
  const options = [`lowerdir=${lower}`, `upperdir=${upper}`];
  const mounts = [{ type: 'fuse3.fuse-overlayfs', source: 'overlay', target: '', options }];
  t.like(await resolveUser(mounts, 'app'), { uid: 1001, gid: 1002 });
});

test('a snapshotter that gives other mounts is named', async (t) => {
  const mounts = [{ type: 'erofs', source: '/x', target: '', options: [] }];
  await t.throwsAsync(resolveUser(mounts, 'app'), { message: /erofs.*overlayfs/ });
  await t.throwsAsync(resolveUser([], 'app'), { message: /none/ });
});
