import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { isFull, roomOn } from '../../../src/base/disk-full.ts';

test('a folder that is not there yet, as on a containerd that has pulled nothing, is on the disk of the one above', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-disk-'));
  t.teardown(() => rm(dir, { recursive: true }));
  t.is(await isFull(join(dir, 'containerd/io.containerd.content.v1.content')), await isFull(dir));
});

test('a disk of a few hundred MB is not full, and may be so in ten seconds; one without a block is full', async (t) => {
  t.like(await roomOn('/proc'), { isFull: true, isAmple: false });
  const small = await mkdtemp('/dev/shm/berth-disk-');
  t.teardown(() => rm(small, { recursive: true }));
  const { bfree, bsize } = await statfs(small);
  t.deepEqual(await roomOn(small), { isFull: false, isAmple: bfree * bsize > 4 * 1024 ** 3 });
});
