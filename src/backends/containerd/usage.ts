import { setTimeout as sleep } from 'node:timers/promises';
import type { NamespacedClient, TaskMetrics } from '../../containerd/index.ts';
import type { FunctionUsage } from '../../provider/index.ts';

/** How far apart the two looks at CPU time are, in milliseconds. */
const windowMs = 200;

/** Sums what the tasks of these containers use now; tasks that end meanwhile do not count. */
export async function usageOf(client: NamespacedClient, containerIds: string[]): Promise<FunctionUsage> {
  if (containerIds.length === 0) return { cpu: 0, totalMemoryBytes: 0 };
  const filters = containerIds.map((id) => `id==${id}`);
  const before = await client.tasks.metrics(filters);
  await sleep(windowMs);
  const after = await client.tasks.metrics(filters);
  return {
    cpu: sum(
      after.map((metrics) =>
        millicores(
          before.find(({ containerId }) => containerId === metrics.containerId),
          metrics,
        ),
      ),
    ),
    totalMemoryBytes: sum(after.map(({ memoryWorkingSetBytes }) => memoryWorkingSetBytes)),
  };
}

function millicores(before: TaskMetrics | undefined, after: TaskMetrics): number {
  if (!before) return 0;
  const elapsedMs = after.timestamp.getTime() - before.timestamp.getTime();
  return elapsedMs > 0 ? (after.cpuUsageNs - before.cpuUsageNs) / 1000 / elapsedMs : 0;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
