import pLimit from 'p-limit';
import type { Containerd, NamespacedClient } from '../../../containerd/index.ts';
import type { FunctionName } from '../../../provider/index.ts';
import { functionLabel } from './labels.ts';
import { observeReplica, parallelLooks, type ActualReplica } from './observe.ts';

/**
 * Looks at the replicas of functions. Those that are known are asked for by their ids, which costs the same however many
 * functions there are; a namespace is listed once, for all its functions, to find the others.
 */
export class ReplicaObserver {
  readonly #containerd: Containerd;
  readonly #looks = pLimit(parallelLooks);
  /** By namespace: ids of the replicas that its list had and that have not gone since, by function. */
  readonly #lists = new Map<string, Promise<Map<string, Set<string>>>>();

  constructor(containerd: Containerd) {
    this.#containerd = containerd;
  }

  /** Has each namespace listed anew when one of its functions is looked at next. */
  listAnew(): void {
    this.#lists.clear();
  }

  /**
   * Looks at the replicas of one function.
   * @param known ids of replicas that are to be looked at besides those that were listed
   * @param skipped ids of replicas that are not to be looked at
   */
  async observe(fn: FunctionName, known: Iterable<string>, skipped: ReadonlySet<string>): Promise<ActualReplica[]> {
    const listed = (await this.#list(fn.namespace)).get(fn.name) ?? new Set();
    const client = this.#containerd.namespace(fn.namespace);
    const ids = [...new Set([...known, ...listed])].filter((id) => !skipped.has(id));
    const looks = ids.map(async (id) => {
      const replica = await this.#looks(() => observeReplica(client, id));
      if (!replica) listed.delete(id);
      return replica ?? [];
    });
    return (await Promise.all(looks)).flat();
  }

  #list(namespace: string): Promise<Map<string, Set<string>>> {
    const known = this.#lists.get(namespace);
    if (known) return known;
    const list = listReplicas(this.#containerd.namespace(namespace));
    this.#lists.set(namespace, list);
    list.catch(() => {
      if (this.#lists.get(namespace) === list) this.#lists.delete(namespace);
    });
    return list;
  }
}

async function listReplicas(client: NamespacedClient): Promise<Map<string, Set<string>>> {
  const ids = new Map<string, Set<string>>();
  for (const { id, labels } of await client.containers.list([`labels."${functionLabel}"`])) {
    const name = labels[functionLabel] ?? '';
    ids.set(name, (ids.get(name) ?? new Set()).add(id));
  }
  return ids;
}
