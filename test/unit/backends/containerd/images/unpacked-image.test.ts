import test from 'ava';
import { chainIds, describeImage } from '../../../../../src/backends/containerd/images/unpacked-image.ts';

const diffIds = ['1', '2', '3'].map((digit) => `sha256:${digit.repeat(64)}`);
const digest = `sha256:${'0'.repeat(64)}`;
const blob = (size: number) => ({ mediaType: 'application/octet-stream', digest, size });

test('chain ids are those that every other client of containerd computes', (t) => {
  t.deepEqual(chainIds([]), []);
  // printf 'sha256:11… sha256:22…' | sha256sum, and so on.
  t.deepEqual(chainIds(diffIds), [
    diffIds[0],
    'sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5',
    'sha256:50127c0d6b338be78246434b4bce23ecf75e505158ea0bbd15effeb162fbf3ec',
  ]);
});

const parts = (layers: number) => ({
  name: 'fn',
  target: { digest },
  manifest: { config: blob(10), layers: Array.from({ length: layers }, () => blob(100)) },
  manifestDigest: digest,
  config: { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers' as const, diff_ids: diffIds } },
  platform: { os: 'linux', architecture: 'amd64' },
});

test('the size of an image is that of its config and layers', (t) => {
  t.is(describeImage(parts(3)).sizeBytes, 310);
});

test('a manifest whose layers are not those of its config is refused', (t) => {
  t.throws(() => describeImage(parts(2)), { message: 'image fn has 2 layers but 3 diff ids' });
});
