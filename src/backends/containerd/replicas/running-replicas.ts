import { isNotFound, type Container, type Containerd } from '../../../containerd/index.ts';
import type { FunctionName } from '../../../provider/index.ts';
import { functionLabel } from './labels.ts';

/** Lists the replicas of a function whose process runs, the one that was made first before the others. */
export async function runningReplicas(containerd: Containerd, { name, namespace }: FunctionName): Promise<Container[]> {
  const { containers, tasks } = containerd.namespace(namespace);
  const found = await containers.list([`labels."${functionLabel}"=="${name}"`]);
  const looks = found.map(async (container) => {
    const task = await tasks.get(container.id).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    return task?.status === 'RUNNING' ? container : [];
  });
  return (await Promise.all(looks)).flat().sort((one, other) => madeMs(one) - madeMs(other));
}

function madeMs({ createdAt }: Container): number {
  return createdAt?.getTime() ?? 0;
}
