import test from 'ava';
import { readMetrics } from '../../../../src/backends/kubernetes/pod-metrics.ts';

test('what the containers of a Pod use is summed, in millicores and bytes', (t) => {
  const usage = (cpu: string, memory: string) => ({ name: 'c', usage: { cpu, memory } });
  const items = [{ metadata: { name: 'p' }, containers: [usage('1500000n', '2Ki'), usage('3m', '1Mi')] }];
  t.deepEqual(readMetrics({ items }).get('p'), { cpu: 5, totalMemoryBytes: 2048 + 1024 * 1024 });
});

test('an answer of another shape measures nothing', (t) => {
  t.is(readMetrics({ items: [{ metadata: {} }] }).size, 0);
  t.is(readMetrics('none').size, 0);
});
