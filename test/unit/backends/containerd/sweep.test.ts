import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { Images } from '../../../../src/backends/containerd/images/index.ts';
import type { InUse } from '../../../../src/backends/containerd/in-use.ts';
import { Parts } from '../../../../src/backends/containerd/parts.ts';
import type { Host } from '../../../../src/backends/containerd/replicas/host.ts';
import { Sweep } from '../../../../src/backends/containerd/sweep.ts';
import { silentLog } from '../../../../src/base/log.ts';

test.serial('a containerd that takes long to collect is left alone for many times as long', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 1000;
  const clock = mock.method(performance, 'now', () => nowMs);
  t.teardown(() => (mock.timers.reset(), clock.mock.restore()));
  const collections: number[] = [];
  const leases = {
    list: () => Promise.resolve([]),
    create: () => Promise.resolve({ id: 'sweep' }),
    delete(_: string, { sync = false } = {}) {
      if (sync) collections.push(nowMs);
      // As long as on a host with k3s.
      nowMs += 1000;
      return Promise.resolve();
    },
  };
  let looks = 0;
  const namespaces = { list: () => Promise.resolve((looks++, [])) };
  const containerd = { address: '/nowhere.sock', namespaces, namespace: () => ({ leases }) };
  const sweep = new Sweep({
    host: { containerd, parts: new Parts(silentLog), log: silentLog } as unknown as Host,
    images: {} as Images,
    inUse: { replicaIds: () => [] } as unknown as InUse,
    defaultNamespace: 'openfaas-fn',
  });
  const until = async (count: number) => {
    while (collections.length < count) await turn();
  };
  sweep.soon();
  mock.timers.tick(2000);
  await until(1);
  for (let times = 0; times < 10; times++) sweep.soon();
  mock.timers.tick(49_000);
  await turn();
  t.is(looks, 1);
  mock.timers.tick(1000);
  await until(2);
  t.is(looks, 2);
  sweep.stop();
});
