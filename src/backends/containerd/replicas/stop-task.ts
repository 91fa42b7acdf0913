import { isDeadlineExceeded, notFoundAs, type NamespacedClient } from '../../../containerd/index.ts';
import { declaredLimits } from './declared-limits.ts';
import type { Host, ReplicaName } from './host.ts';
import { taskState } from './observe.ts';
import { stopSignalOf } from './stop-signal.ts';

const sigkill = 9;
/** How long a killed process may take to be gone: the kernel takes its time with one that waits for a disk. */
const killMs = 60_000;

export interface TaskStop {
  /** How long a process may take to end if its function does not say. */
  defaultGraceMs: number;
  /** Gives up the wait for its end. */
  signal?: AbortSignal;
}

/**
 * Ends a task: its image's signal to the first process only (the watchdog passes it on), SIGKILL after the function's
 * grace, and the task is gone. Calls in flight have been drained before.
 * @param options absent to kill at once
 */
export async function stopTask(host: Host, { id, namespace }: ReplicaName, options?: TaskStop): Promise<void> {
  const client = host.containerd.namespace(namespace);
  const { status } = await taskState(client, id);
  host.at('stop.kill');
  if (status === 'running' && options) await end(client, id, options);
  // One that waits for its start may run all the same, see start-mark.ts, and runc deletes nothing that runs.
  else if (status === 'running' || status === 'created') await endAtOnce(client, id);
  host.at('stop.task');
  // Also when there seems to be none: containerd shows no task whose making it broke off, but keeps its shim.
  await deleteTask(client, id);
}

async function end(client: NamespacedClient, id: string, { defaultGraceMs, signal }: TaskStop): Promise<void> {
  const container = await client.containers.get(id).catch(notFoundAs({ labels: {}, spec: {} }));
  await kill(client, id, stopSignalOf(container.labels));
  const { graceMs = defaultGraceMs } = declaredLimits(container);
  if (await exitsWithin(client, id, { timeoutMs: graceMs, signal })) return;
  await endAtOnce(client, id);
}

async function endAtOnce(client: NamespacedClient, id: string): Promise<void> {
  await kill(client, id, sigkill);
  await exitsWithin(client, id, { timeoutMs: killMs });
}

async function kill(client: NamespacedClient, id: string, signal: number): Promise<void> {
  // It may end by itself in between.
  await client.tasks.kill({ containerId: id, signal }).catch(notFoundAs(undefined));
}

async function exitsWithin(
  client: NamespacedClient,
  id: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<boolean> {
  try {
    await client.tasks.wait({ containerId: id }, options).catch(notFoundAs(undefined));
    return true;
  } catch (error) {
    if (isDeadlineExceeded(error)) return false;
    throw error;
  }
}

export async function deleteTask(client: NamespacedClient, id: string): Promise<void> {
  await client.tasks.delete(id).catch(notFoundAs(undefined));
}
