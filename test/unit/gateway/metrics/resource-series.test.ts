import { Registry } from '@prometheus-io/client';
import test from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { resourceSeries } from '../../../../src/gateway/metrics/resource-series.ts';
import type { FunctionMeasure } from '../../../../src/provider/index.ts';
import { CountingProvider } from '../counting-provider.ts';

const env: FunctionMeasure = {
  name: 'env',
  namespace: 'dev',
  cpuSeconds: 1.5,
  memoryBytes: 4096,
  restarts: 2,
  oomKills: 1,
};

test('what functions use is told under the names of OpenFaaS, measured once a scrape', async (t) => {
  const registry = new Registry();
  let asked = 0;
  let all = [env];
  const measure = () => Promise.resolve(++asked).then(() => all);
  resourceSeries({ provider: Object.assign(new CountingProvider(), { measure }), registry, log: silentLog });
  const values = async () => (await registry.metrics()).split('\n').filter((line) => line && !line.startsWith('#'));
  const wanted = [
    'pod_cpu_usage_seconds_total{function_name="env.dev",namespace="dev"} 1.5',
    'pod_memory_working_set_bytes{function_name="env.dev",namespace="dev"} 4096',
    'berth_function_restarts_total{function_name="env.dev",namespace="dev"} 2',
    'berth_function_oom_kills_total{function_name="env.dev",namespace="dev"} 1',
  ];
  t.deepEqual(await values(), wanted);
  t.deepEqual(await values(), wanted, 'and no more the second time');
  t.is(asked, 2);
  all = [];
  t.deepEqual(await values(), [], 'none of a function that is gone');
});

test('a provider that cannot measure makes no page fail', async (t) => {
  const registry = new Registry();
  const measure = () => Promise.reject(new Error('containerd is away'));
  resourceSeries({ provider: Object.assign(new CountingProvider(), { measure }), registry, log: silentLog });
  t.notRegex(await registry.metrics(), /function_name/);
});

test('nor does one that does not measure', async (t) => {
  const registry = new Registry();
  resourceSeries({ provider: new CountingProvider(), registry, log: silentLog });
  t.is((await registry.metrics()).trim(), '');
});
