import { Registry } from '@prometheus-io/client';
import test from 'ava';
import { partGauge } from '../../../../src/gateway/metrics/part-gauge.ts';

test('the metrics say of each part whether it is well', async (t) => {
  const registry = new Registry();
  let problem: string | undefined = 'no nft';
  partGauge(registry, () => [
    { name: 'firewall', healthy: problem === undefined, problem },
    { name: 'sweep', healthy: true },
  ]);
  t.regex(await registry.metrics(), /berth_part_healthy\{part="firewall"\} 0\n.*part="sweep"\} 1/s);
  problem = undefined;
  t.regex(await registry.metrics(), /berth_part_healthy\{part="firewall"\} 1/);
});
