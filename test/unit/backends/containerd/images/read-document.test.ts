import test from 'ava';
import { readDocument } from '../../../../../src/backends/containerd/images/read-document.ts';
import type { NamespacedClient } from '../../../../../src/containerd/index.ts';

test('a layer of gigabytes that a manifest names as its config is not read into memory', async (t) => {
  const read: string[] = [];
  const content = {
    info: (digest: string) => Promise.resolve({ digest, size: digest === 'large' ? 4 * 2 ** 20 + 1 : 4 * 2 ** 20 }),
    readAll: (digest: string) => Promise.resolve(Buffer.from(String(read.push(digest)))),
  };
  const client = { content } as unknown as NamespacedClient;
  await t.throwsAsync(readDocument(client, 'large', 'fn'), { message: 'large of fn is larger than 4 MiB' });
  t.deepEqual(read, []);
  await readDocument(client, 'small', 'fn');
  t.deepEqual(read, ['small']);
});
