import test from 'ava';
import { ContainerdStorage } from '../../../../src/backends/containerd/containerd-storage.ts';
import { createLog } from '../../../../src/base/log.ts';
import { ProviderError } from '../../../../src/provider/index.ts';

/** Storage of a containerd with these snapshotters, each with why it is not loaded, or `` where it is. */
function storageOf(wanted: string, snapshotters: Record<string, string>) {
  const lines: string[] = [];
  const plugin = (id: string, failure = '') => ({ id, exports: { root: `/ctd/${id}` }, failure: failure || undefined });
  const plugins = (type: string) =>
    Promise.resolve(
      type === 'io.containerd.content.v1'
        ? [plugin('content')]
        : Object.entries(snapshotters).map(([id, failure]) => plugin(id, failure)),
    );
  const log = createLog({ write: (line) => lines.push(line) });
  return { storage: new ContainerdStorage({ containerd: { introspection: { plugins } }, wanted, log }), lines };
}

test('the snapshotter that is wanted is used, and its folder is known beside that of the content', async (t) => {
  const { storage, lines } = storageOf('overlayfs', { native: '', overlayfs: '' });
  t.is(await storage.snapshotter(), 'overlayfs');
  t.deepEqual(storage.folders, ['/ctd/content', '/ctd/overlayfs']);
  t.deepEqual(lines, []);
});

test('native takes the place of overlayfs where that is refused, which is said once with the reason', async (t) => {
  const { storage, lines } = storageOf('overlayfs', { native: '', overlayfs: 'mount: operation not permitted: skip' });
  t.is(await storage.look(), 'native');
  t.is(await storage.look(), 'native');
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /warn.*containerd refuses overlayfs, using native.*operation not permitted/);
});

test('no other name has a substitute: what containerd has, and berth can read, is named', async (t) => {
  const has = { native: '', overlayfs: '', zfs: '', stargz: 'no such socket' };
  for (const [wanted, message] of [
    [
      'fuse-overlayfs',
      'containerd has no snapshotter fuse-overlayfs: set snapshotter to one that it has: native, overlayfs',
    ],
    [
      'stargz',
      'containerd has no snapshotter stargz (no such socket): set snapshotter to one that it has: native, overlayfs',
    ],
    ['zfs', 'berth cannot read what snapshotter zfs keeps: set snapshotter to one that it has: native, overlayfs'],
  ] as const) {
    const error = await t.throwsAsync(storageOf(wanted, has).storage.snapshotter(), { instanceOf: ProviderError });
    t.is(error.message, message);
    t.is(error.status, 503);
  }
  await t.throwsAsync(storageOf('overlayfs', {}).storage.snapshotter(), { message: /it has none, see its log/ });
});
