import { messages } from './protos.ts';
import { toDate } from './timestamps.ts';
import type { Metric__Output } from './generated/containerd/types/Metric.ts';

/** What a task uses, told the same way on cgroup v1 and v2. */
export interface TaskMetrics {
  containerId: string;
  timestamp: Date;
  /** CPU time since the task began. */
  cpuUsageNs: number;
  cpuThrottledNs: number;
  memoryUsageBytes: number;
  /** Usage without the file cache that the kernel would drop first; what Kubernetes calls the working set. */
  memoryWorkingSetBytes: number;
  /** Absent when there is no limit. */
  memoryLimitBytes?: number;
  pids: number;
  oomKills: number;
}

type Usage = Omit<TaskMetrics, 'containerId' | 'timestamp'>;

/** Reads a task's metrics, of either cgroup version; undefined where there is no cgroup, as when it has just ended. */
export function toTaskMetrics({ id, timestamp, data }: Metric__Output): TaskMetrics | undefined {
  const usage = data && decoders[data.type_url]?.(data.value);
  return usage ? { containerId: id, timestamp: toDate(timestamp) ?? new Date(), ...usage } : undefined;
}

const decoders: Record<string, (value: Buffer) => Usage> = {
  'io.containerd.cgroups.v1.Metrics': decodeV1,
  'io.containerd.cgroups.v2.Metrics': decodeV2,
};

function decodeV1(value: Buffer): Usage {
  const { cpu, memory, pids, memoryOomControl } = messages.MetricsV1.deserialize(value);
  return {
    cpuUsageNs: cpu?.usage?.total ?? 0,
    cpuThrottledNs: cpu?.throttling?.throttledTime ?? 0,
    ...memoryUsage(memory?.usage?.usage, memory?.totalInactiveFile, memory?.usage?.limit),
    pids: pids?.current ?? 0,
    oomKills: memoryOomControl?.oomKill ?? 0,
  };
}

function decodeV2(value: Buffer): Usage {
  const { cpu, memory, pids, memoryEvents } = messages.MetricsV2.deserialize(value);
  return {
    cpuUsageNs: (cpu?.usageUsec ?? 0) * 1000,
    cpuThrottledNs: (cpu?.throttledUsec ?? 0) * 1000,
    ...memoryUsage(memory?.usage, memory?.inactiveFile, memory?.usageLimit),
    pids: pids?.current ?? 0,
    oomKills: memoryEvents?.oomKill ?? 0,
  };
}

// "No limit" is the largest number of pages on v1 and the largest number on v2.
const noLimit = 2 ** 62;

function memoryUsage(usage = 0, inactiveFile = 0, limit = 0) {
  return {
    memoryUsageBytes: usage,
    memoryWorkingSetBytes: Math.max(0, usage - inactiveFile),
    memoryLimitBytes: limit > 0 && limit < noLimit ? limit : undefined,
  };
}
