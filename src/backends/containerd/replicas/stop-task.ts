import { isDeadlineExceeded, notFoundAs, type NamespacedClient } from '../../../containerd/index.ts';
import type { Host, ReplicaName } from './host.ts';
import { taskState } from './observe.ts';

const sigterm = 15;
const sigkill = 9;
/** How long a killed process may take to be gone: the kernel takes its time with one that waits for a disk. */
const killMs = 60_000;

/**
 * Ends a task: SIGTERM to the first process only (the watchdog passes it on), SIGKILL after the grace, and the task is
 * gone. Calls in flight have been drained before.
 */
export async function stopTask(host: Host, { id, namespace }: ReplicaName, graceMs: number): Promise<void> {
  const client = host.containerd.namespace(namespace);
  const { status } = await taskState(client, id);
  host.at('stop.kill');
  if (status === 'running') await end(client, id, graceMs);
  // It may run all the same, see start-mark.ts, and runc deletes nothing that runs.
  if (status === 'created') await endAtOnce(client, id);
  host.at('stop.task');
  // Also when there seems to be none: containerd shows no task whose making it broke off, but keeps its shim.
  await deleteTask(client, id);
}

async function end(client: NamespacedClient, id: string, graceMs: number): Promise<void> {
  await kill(client, id, sigterm);
  if (await exitsWithin(client, id, graceMs)) return;
  await endAtOnce(client, id);
}

async function endAtOnce(client: NamespacedClient, id: string): Promise<void> {
  await kill(client, id, sigkill);
  await exitsWithin(client, id, killMs);
}

async function kill(client: NamespacedClient, id: string, signal: number): Promise<void> {
  // It may end by itself in between.
  await client.tasks.kill({ containerId: id, signal }).catch(notFoundAs(undefined));
}

async function exitsWithin(client: NamespacedClient, id: string, timeoutMs: number): Promise<boolean> {
  try {
    await client.tasks.wait({ containerId: id }, { timeoutMs }).catch(notFoundAs(undefined));
    return true;
  } catch (error) {
    if (isDeadlineExceeded(error)) return false;
    throw error;
  }
}

export async function deleteTask(client: NamespacedClient, id: string): Promise<void> {
  await client.tasks.delete(id).catch(notFoundAs(undefined));
}
