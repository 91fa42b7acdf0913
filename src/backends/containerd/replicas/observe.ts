import pLimit from 'p-limit';
import { allEnded } from '../../../base/all-ended.ts';
import {
  isDeadlineExceeded,
  isUnavailable,
  notFoundAs,
  type Container,
  type Containerd,
  type NamespacedClient,
} from '../../../containerd/index.ts';
import type { CallLimits, FunctionName } from '../../../provider/index.ts';
import { declaredLimits } from './declared-limits.ts';
import { functionLabel, generationLabel } from './labels.ts';

/** Looks at replicas under way at once: containerd answers no more of them in the same time. */
export const parallelLooks = 32;

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
  limits: () => CallLimits;
  /** Absent when containerd cannot say: the replica is to be left as it is. */
  task?: TaskState;
}

/** Lists every replica in a namespace, also of functions that are not wanted any more. */
export async function observeNamespace(containerd: Containerd, namespace: string): Promise<ActualReplica[]> {
  const client = containerd.namespace(namespace);
  const containers = await client.containers.list([`labels."${functionLabel}"`]);
  return pLimit(parallelLooks).map(containers, (container) => observeContainer(client, container));
}

/** Lists the ids of all replicas in a namespace, whatever became of their tasks. */
export async function replicaIdsIn(containerd: Containerd, namespace: string): Promise<string[]> {
  const containers = await containerd.namespace(namespace).containers.list([`labels."${functionLabel}"`]);
  return containers.map(({ id }) => id);
}

/** Looks at the task of a container that is a replica's. */
async function observeContainer(client: NamespacedClient, container: Container): Promise<ActualReplica> {
  return replicaOf(client, container, await knownTaskState(client, container.id));
}

/** Looks at one replica; undefined where it has no container record. */
export async function observeReplica(client: NamespacedClient, id: string): Promise<ActualReplica | undefined> {
  const [container, task] = await allEnded([
    client.containers.get(id).catch(notFoundAs(undefined)),
    knownTaskState(client, id),
  ]);
  return container && replicaOf(client, container, task);
}

function replicaOf(client: NamespacedClient, container: Container, task: TaskState | undefined): ActualReplica {
  const { id, labels } = container;
  return {
    id,
    function: { name: labels[functionLabel] ?? '', namespace: client.name },
    generation: labels[generationLabel] ?? '',
    // Read when asked for: it is the whole runtime spec that has to be parsed.
    limits: () => declaredLimits(container),
    task,
  };
}

function knownTaskState(client: NamespacedClient, id: string): Promise<TaskState | undefined> {
  return taskState(client, id).catch(unknownUnlessBusy);
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
