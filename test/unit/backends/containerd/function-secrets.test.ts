import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { FunctionNamespaces } from '../../../../src/backends/containerd/function-namespaces.ts';
import { FunctionSecrets } from '../../../../src/backends/containerd/function-secrets.ts';
import type { InUse } from '../../../../src/backends/containerd/in-use.ts';
import { BadRequestError } from '../../../../src/provider/index.ts';
import { SecretStore } from '../../../../src/secrets/index.ts';

test('a secret whose namespace goes while it is made is not left for the next namespace of that name', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-secrets-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const store = new SecretStore({ dir });
  await store.start();
  let asked = 0;
  const require = () =>
    asked++ === 0 ? Promise.resolve() : Promise.reject(new BadRequestError('namespace team is being removed'));
  const secrets = new FunctionSecrets({
    store,
    namespaces: { require } as unknown as FunctionNamespaces,
    inUse: {} as InUse,
    refresh: () => Promise.resolve(),
  });
  const secret = { name: 'key', namespace: 'team', value: Buffer.from('x') };
  await t.throwsAsync(secrets.create(secret), { message: /is being removed/ });
  t.deepEqual(await store.list('team'), []);
});
