import { Registry } from '@prometheus-io/client';
import test from 'ava';
import { AsyncMetrics } from '../../../../src/gateway/async/async-metrics.ts';
import type { Lane } from '../../../../src/gateway/async/queue.ts';

const fnOf = (name: string) => ({ name, namespace: 'openfaas-fn' });

test('a function that was removed has no series any more, once none of its calls is left', async (t) => {
  const registry = new Registry();
  const lanes: Lane[] = [{ fn: fnOf('waited-for'), kind: 'call', queued: 1, dueMs: 0 }];
  const metrics = new AsyncMetrics(registry, { lanes: () => lanes });
  for (const name of ['there', 'gone', 'running', 'waited-for']) {
    const fn = fnOf(name);
    metrics.submitted(fn);
    metrics.began(fn);
    if (name !== 'running') metrics.ended(fn);
    metrics.processed(fn);
    metrics.retried(fn);
    metrics.failed(fn);
    for (const result of ['done', 'retried', 'failed'] as const) metrics.calledBack(fn, result);
  }
  const seriesOf = async (name: string) =>
    (await registry.metrics()).split('\n').filter((line) => line.includes(`"${name}.openfaas-fn"`)).length;
  t.deepEqual(await Promise.all(['there', 'gone'].map(seriesOf)), [8, 8]);
  metrics.forgetOthers(new Set(['there.openfaas-fn']));
  t.deepEqual(await Promise.all(['there', 'gone', 'running', 'waited-for'].map(seriesOf)), [8, 0, 8, 9]);
});
