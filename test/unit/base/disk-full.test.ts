import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { isFull } from '../../../src/base/disk-full.ts';

test('a folder that is not there yet, as on a containerd that has pulled nothing, is on the disk of the one above', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-disk-'));
  t.teardown(() => rm(dir, { recursive: true }));
  t.is(await isFull(join(dir, 'containerd/io.containerd.content.v1.content')), await isFull(dir));
});
