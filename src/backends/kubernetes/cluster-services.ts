import type { V1Deployment, V1Service } from '@kubernetes/client-node';
import type { Log } from '../../base/log.ts';
import { ProviderError, type FunctionName } from '../../provider/index.ts';
import { managedBy } from './cluster-labels.ts';
import { serviceObject } from './deployment-object.ts';
import type { FunctionWatch } from './function-watch.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError, notFoundAs } from './kubernetes-error.ts';

/** The Services of functions, which have slices of endpoints made. Those of others are neither used nor removed. */
export class ClusterServices {
  readonly #client: KubernetesClient;

  constructor(client: KubernetesClient) {
    this.#client = client;
  }

  /**
   * Makes the Service of a function where it is not there.
   * @throws ProviderError 409 where somebody else's has its name
   */
  async ensure(owner: V1Deployment): Promise<void> {
    try {
      await this.#create(owner);
    } catch (error) {
      if (!(error instanceof KubernetesError) || !error.isAlreadyExists) throw error;
      const { name = '', namespace = '' } = owner.metadata ?? {};
      const found = await this.#read({ name, namespace });
      if (found && isOf(found, owner)) return;
      if (found && !isOwn(found)) throw takenBy({ name, namespace }, error);
      // Of a function of the name that is gone: the cluster would collect it later.
      if (found) await this.#delete(found);
      await this.#create(owner);
    }
  }

  /** Removes the Service of a function that is gone, as its name may be deployed again before the cluster collects it. */
  async remove(fn: FunctionName): Promise<void> {
    const found = await this.#read(fn);
    if (found && isOwn(found)) await this.#delete(found);
  }

  /** Makes the Services that a crash has left out. */
  async repair(namespace: string, { watch, log }: { watch: FunctionWatch; log: Log }): Promise<void> {
    const { items } = await this.#client.call('list Services', () =>
      this.#client.core.listNamespacedService({ namespace }),
    );
    const byName = new Map(items.map((service) => [service.metadata?.name, service]));
    for (const { object } of watch.functions(namespace)) {
      const name = object.metadata?.name;
      const found = byName.get(name);
      if (found && isOf(found, object)) continue;
      log.info('a function has no Service: making it', { name, namespace });
      await this.ensure(object).catch((error: unknown) =>
        log.warn('the Service of a function could not be made', { name, namespace, error }),
      );
    }
  }

  #create(owner: V1Deployment): Promise<V1Service> {
    const namespace = owner.metadata?.namespace ?? '';
    const request = { namespace, body: serviceObject(owner), fieldValidation: 'Strict' };
    return this.#client.call('create a Service', () => this.#client.core.createNamespacedService(request));
  }

  #read({ name, namespace }: FunctionName): Promise<V1Service | undefined> {
    return this.#client
      .call('read a Service', () => this.#client.core.readNamespacedService({ name, namespace }))
      .catch(notFoundAs(undefined));
  }

  async #delete({ metadata }: V1Service): Promise<void> {
    const { name = '', namespace = '', uid } = metadata ?? {};
    const request = { name, namespace, body: { preconditions: { uid } } };
    await this.#client
      .call('delete a Service', () => this.#client.core.deleteNamespacedService(request))
      .catch(notFoundAs(undefined));
  }
}

function isOwn({ metadata }: V1Service): boolean {
  return metadata?.labels?.[managedBy.key] === managedBy.value;
}

function isOf({ metadata }: V1Service, owner: V1Deployment): boolean {
  return metadata?.ownerReferences?.some(({ uid }) => uid === owner.metadata?.uid) ?? false;
}

function takenBy({ name, namespace }: FunctionName, cause: Error): ProviderError {
  const problem = `namespace ${namespace} has a Service ${name} that is none of berth's`;
  return new ProviderError(409, `${problem}: choose another name, or remove it with kubectl`, { cause });
}
