import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openKubernetes } from '../../../../src/backends/kubernetes/index.ts';
import { silentLog } from '../../../../src/base/log.ts';

async function openWith(kubeconfig: string) {
  const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  const file = join(folder, 'config');
  await writeFile(file, kubeconfig);
  try {
    const options = { kubeconfig: file, functionNamespace: 'fns', imagePullSecrets: [], log: silentLog };
    return await openKubernetes(options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a kubeconfig that names no cluster is said at once', async (t) => {
  const error = await t.throwsAsync(openWith('apiVersion: v1\nkind: Config\nclusters: []\n'));
  t.regex(error.message, /kubeconfig.*names no cluster/);
});

test('a kubeconfig that is none is said at once', async (t) => {
  const error = await t.throwsAsync(openWith('{'));
  t.regex(error.message, /kubeconfig/);
});
