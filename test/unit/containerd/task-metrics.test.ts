import test from 'ava';
import { toTaskMetrics } from '../../../src/containerd/task-metrics.ts';
import { messages } from '../../../src/containerd/protos.ts';

const timestamp = { seconds: 10, nanos: 0 };

function metric(version: 'v1' | 'v2', value: Buffer) {
  return { id: 'fn', timestamp, data: { type_url: `io.containerd.cgroups.${version}.Metrics`, value } };
}

test('cgroup v1 and v2 give the same figures for the same use', (t) => {
  const v1 = messages.MetricsV1.serialize({
    cpu: { usage: { total: 5_000_000 }, throttling: { throttledTime: 3_000 } },
    memory: { totalInactiveFile: 400, inactiveFile: 7, usage: { usage: 1000, limit: 2000 } },
    pids: { current: 3 },
    memoryOomControl: { oomKill: 1 },
  });
  const v2 = messages.MetricsV2.serialize({
    cpu: { usageUsec: 5_000, throttledUsec: 3 },
    memory: { inactiveFile: 400, usage: 1000, usageLimit: 2000 },
    pids: { current: 3 },
    memoryEvents: { oomKill: 1 },
  });
  const expected = {
    containerId: 'fn',
    timestamp: new Date(10_000),
    cpuUsageNs: 5_000_000,
    cpuThrottledNs: 3_000,
    memoryUsageBytes: 1000,
    memoryWorkingSetBytes: 600,
    memoryLimitBytes: 2000,
    pids: 3,
    oomKills: 1,
  };
  t.deepEqual(toTaskMetrics(metric('v1', v1)), expected);
  t.deepEqual(toTaskMetrics(metric('v2', v2)), expected);
});

test('the largest number stands for no memory limit', (t) => {
  const v1 = messages.MetricsV1.serialize({ memory: { usage: { limit: '9223372036854771712' } } });
  const v2 = messages.MetricsV2.serialize({ memory: { usageLimit: '18446744073709551615' } });
  t.is(toTaskMetrics(metric('v1', v1))?.memoryLimitBytes, undefined);
  t.is(toTaskMetrics(metric('v2', v2))?.memoryLimitBytes, undefined);
});

test('a task without figures, or with unknown ones, has no metrics', (t) => {
  t.is(toTaskMetrics({ id: 'fn', timestamp, data: null }), undefined);
  t.is(toTaskMetrics({ id: 'fn', timestamp, data: { type_url: 'x', value: Buffer.alloc(0) } }), undefined);
});
