import {
  isDeadlineExceeded,
  isUnavailable,
  notFoundAs,
  type Containerd,
  type NamespacedClient,
} from '../../../containerd/index.ts';
import type { CallLimits, FunctionName } from '../../../provider/index.ts';
import { declaredLimits } from './declared-limits.ts';
import { functionLabel, generationLabel } from './labels.ts';

export interface TaskState {
  status: 'none' | 'created' | 'running' | 'stopped';
  /** Exit code of a stopped task, or 128 + signal. */
  exitStatus?: number;
}

/** A replica as containerd knows it. */
export interface ActualReplica {
  id: string;
  function: FunctionName;
  generation: string;
  limits: CallLimits;
  /** Absent when containerd cannot say: the replica is to be left as it is. */
  task?: TaskState;
}

/** Lists the replicas of one function. */
export function observeFunction(containerd: Containerd, { name, namespace }: FunctionName): Promise<ActualReplica[]> {
  return observe(containerd.namespace(namespace), `labels."${functionLabel}"==${name}`);
}

/** Lists every replica in a namespace, also of functions that are not wanted any more. */
export function observeNamespace(containerd: Containerd, namespace: string): Promise<ActualReplica[]> {
  return observe(containerd.namespace(namespace), `labels."${functionLabel}"`);
}

/** Lists the ids of all replicas in a namespace, whatever became of their tasks. */
export async function replicaIdsIn(containerd: Containerd, namespace: string): Promise<string[]> {
  const containers = await containerd.namespace(namespace).containers.list([`labels."${functionLabel}"`]);
  return containers.map(({ id }) => id);
}

async function observe(client: NamespacedClient, filter: string): Promise<ActualReplica[]> {
  const containers = await client.containers.list([filter]);
  return Promise.all(
    containers.map(async (container) => ({
      id: container.id,
      function: { name: container.labels[functionLabel] ?? '', namespace: client.name },
      generation: container.labels[generationLabel] ?? '',
      limits: declaredLimits(container),
      task: await taskState(client, container.id).catch(unknownUnlessBusy),
    })),
  );
}

/** Leaves out one task that containerd cannot tell of; one that is away, or has too much to do, is asked again as a whole. */
function unknownUnlessBusy(error: unknown): undefined {
  if (isUnavailable(error) || isDeadlineExceeded(error)) throw error;
}

export async function taskState(client: NamespacedClient, id: string): Promise<TaskState> {
  const task = await client.tasks.get(id).catch(notFoundAs(undefined));
  if (!task) return { status: 'none' };
  if (task.status === 'CREATED') return { status: 'created' };
  if (task.status === 'STOPPED') return { status: 'stopped', exitStatus: task.exitStatus };
  return { status: 'running' };
}
