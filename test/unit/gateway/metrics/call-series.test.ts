import { Registry } from '@prometheus-io/client';
import test from 'ava';
import { Invocations } from '../../../../src/gateway/metrics/invocations.ts';

test('calls go on while a page of metrics is made: it takes a turn of the loop for each series', async (t) => {
  const registry = new Registry();
  new Invocations(registry).begin({ name: 'env', namespace: 'openfaas-fn' }).end(200);
  let turns = 0;
  const count = () => {
    turns += 1;
    turning = setImmediate(count);
  };
  let turning = setImmediate(count);
  const page = await registry.metrics();
  clearImmediate(turning);
  const series = page.match(/^# TYPE /gm)?.length ?? 0;
  t.true(series >= 6);
  t.true(turns >= series - 1, `${turns} turns for ${series} series`);
});
