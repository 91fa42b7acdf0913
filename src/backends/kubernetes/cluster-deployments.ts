import type { V1Deployment } from '@kubernetes/client-node';
import {
  clampReplicas,
  FunctionNotFoundError,
  NamespaceNotFoundError,
  type FunctionName,
} from '../../provider/index.ts';
import { failedUpdateAnnotation, incarnationLabel, previousAnnotation, versionAnnotation } from './cluster-labels.ts';
import type { ClusterServices } from './cluster-services.ts';
import { deploymentObject, type DeploymentSettings } from './deployment-object.ts';
import type { FunctionWatch } from './function-watch.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError, notFoundAs } from './kubernetes-error.ts';
import { versionsOf, type StoredVersions } from './stored-version.ts';

export interface ClusterDeploymentsOptions {
  client: KubernetesClient;
  watch: FunctionWatch;
  services: ClusterServices;
  settings: DeploymentSettings;
}

/** How often a change is tried that meets another one. */
const tries = 5;

/** The Deployments of functions: each change is sent, and kept where the watch will tell it later. */
export class ClusterDeployments {
  readonly #parts: ClusterDeploymentsOptions;

  constructor(parts: ClusterDeploymentsOptions) {
    this.#parts = parts;
  }

  async create(versions: StoredVersions, life: { incarnation: string; replicas: number }): Promise<V1Deployment> {
    const { client, settings } = this.#parts;
    const { namespace } = versions.current.deployment;
    const body = deploymentObject(versions, life, settings);
    const request = { namespace, body, fieldValidation: 'Strict' };
    const made = await client
      .call('create a Deployment', () => client.apps.createNamespacedDeployment(request))
      .catch(notFoundAs(undefined));
    // The default one is taken to be there.
    if (!made) throw new NamespaceNotFoundError(namespace);
    return this.#keep(made);
  }

  read({ name, namespace }: FunctionName): Promise<V1Deployment | undefined> {
    const { client } = this.#parts;
    return client
      .call('read a Deployment', () => client.apps.readNamespacedDeployment({ name, namespace }))
      .catch(notFoundAs(undefined));
  }

  /**
   * Changes the versions of a function, and how many replicas it has where that is given; where another change came between,
   * from what that has left.
   * @throws FunctionNotFoundError when there is no such function
   */
  async change(
    fn: FunctionName,
    change: (versions: StoredVersions) => StoredVersions,
    replicas?: number,
  ): Promise<V1Deployment> {
    const { client, settings } = this.#parts;
    const { name, namespace } = fn;
    for (let left = tries; ; left -= 1) {
      const live = await this.read(fn);
      const versions = live && versionsOf(live);
      if (!versions) throw new FunctionNotFoundError(fn);
      const request = {
        name,
        namespace,
        body: changedObject(live, { versions: change(versions), replicas }, settings),
        fieldValidation: 'Strict',
      };
      try {
        return this.#keep(
          await client.call('change a Deployment', () => client.apps.replaceNamespacedDeployment(request)),
        );
      } catch (error) {
        if (left <= 1 || !(error instanceof KubernetesError) || !error.isConflict) throw error;
      }
    }
  }

  /** @throws FunctionNotFoundError when it was removed meanwhile */
  async scale(fn: FunctionName, object: V1Deployment, replicas: number): Promise<void> {
    const { client } = this.#parts;
    const request = { name: fn.name, namespace: fn.namespace, body: { spec: { replicas } } };
    const scaled = await client
      .call('scale a Deployment', () => client.apps.patchNamespacedDeploymentScale(request, client.mergePatch))
      .catch(notFoundAs(undefined));
    if (!scaled) throw new FunctionNotFoundError(fn);
    const { resourceVersion } = scaled.metadata ?? {};
    const metadata = { ...object.metadata, resourceVersion };
    if (object.spec) this.#keep({ ...object, metadata, spec: { ...object.spec, replicas } });
  }

  /** Removes a function's objects; its Pods end after their grace. */
  async remove({ name, namespace }: FunctionName, object: V1Deployment): Promise<void> {
    const { client, watch, services } = this.#parts;
    const body = { propagationPolicy: 'Background', preconditions: { uid: object.metadata?.uid } };
    await client
      .call('delete a Deployment', () => client.apps.deleteNamespacedDeployment({ name, namespace, body }))
      .catch(notFoundAs(undefined));
    watch.objects(namespace)?.deployments.forget(object);
    await services.remove({ name, namespace });
  }

  #keep(object: V1Deployment): V1Deployment {
    this.#parts.watch.objects(object.metadata?.namespace ?? '')?.deployments.put(object);
    return object;
  }
}

interface Wanted {
  versions: StoredVersions;
  /** As many as there are where it is absent. */
  replicas?: number;
}

/** Keeps the life that it is, and what others have annotated it with. */
function changedObject(live: V1Deployment, wanted: Wanted, settings: DeploymentSettings): V1Deployment {
  const { metadata, spec } = live;
  const { versions } = wanted;
  const incarnation = metadata?.labels?.[incarnationLabel] ?? '';
  const replicas = clampReplicas(versions.current.deployment, wanted.replicas ?? spec?.replicas ?? 1);
  const object = deploymentObject(versions, { incarnation, replicas }, settings);
  const own = [versionAnnotation, previousAnnotation, failedUpdateAnnotation];
  const others = Object.entries(metadata?.annotations ?? {}).filter(([key]) => !own.includes(key));
  const annotations = { ...Object.fromEntries(others), ...object.metadata?.annotations };
  const { resourceVersion, uid } = metadata ?? {};
  return { ...object, metadata: { ...object.metadata, annotations, resourceVersion, uid } };
}
