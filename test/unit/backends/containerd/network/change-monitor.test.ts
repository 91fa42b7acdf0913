import path from 'node:path';
import test from 'ava';
import { withoutDescriptors } from '../../../../helpers/without-descriptors.ts';

const file = path.join(import.meta.dirname, '../../../../../src/backends/containerd/network/change-monitor.ts');

test('without a file descriptor left for a monitor, changes are not told of, and nothing else ends', async (t) => {
  const { stdout, stderr } = await withoutDescriptors(
    `const { monitorChanges } = await import('${file}');`,
    `await monitorChanges(() => {}, new AbortController().signal);
     setTimeout(() => console.log('alive'), 50);`,
  );
  t.is(stdout, 'alive\n', stderr);
});
