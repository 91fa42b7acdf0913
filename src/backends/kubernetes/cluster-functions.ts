import type { V1Deployment } from '@kubernetes/client-node';
import type { Log } from '../../base/log.ts';
import {
  clampReplicas,
  FunctionExistsError,
  FunctionNotFoundError,
  fullName,
  ProviderError,
  scaleEvent,
  workloadOf,
  type DeployOutcome,
  type EventFeed,
  type FunctionDeployment,
  type FunctionName,
  type RoutingTable,
  type ScaleOptions,
} from '../../provider/index.ts';
import { checkDeployment } from './check-deployment.ts';
import { incarnationLabel, managedBy, previousAnnotation, versionAnnotation } from './cluster-labels.ts';
import type { ClusterSecrets } from './cluster-secrets.ts';
import { deploymentObject, serviceObject, type DeploymentSettings } from './deployment-object.ts';
import type { FunctionWatch } from './function-watch.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { notFoundAs, KubernetesError } from './kubernetes-error.ts';
import { readyGenerations, type RolloutWaits } from './rollout-waits.ts';
import { servedVersion } from './function-facts.ts';
import { freshId, newVersion, versionsOf, type StoredVersions } from './stored-version.ts';

export interface ClusterFunctionsOptions {
  client: KubernetesClient;
  watch: FunctionWatch;
  routes: RoutingTable;
  waits: RolloutWaits;
  secrets: ClusterSecrets;
  settings: DeploymentSettings;
  events: EventFeed;
  log: Log;
}

/** How often a change is tried that meets another one. */
const tries = 5;

/** The verbs that change what is wanted, which is in the cluster and nowhere else. */
export class ClusterFunctions {
  readonly #parts: ClusterFunctionsOptions;

  constructor(parts: ClusterFunctionsOptions) {
    this.#parts = parts;
  }

  /** @throws FunctionExistsError when there is a function of the name */
  async deploy(deployment: FunctionDeployment): Promise<DeployOutcome> {
    const { client, waits, settings } = this.#parts;
    const { namespace } = deployment;
    await this.#check(deployment);
    if (this.#parts.watch.find(deployment)) throw new FunctionExistsError(deployment);
    const current = newVersion(deployment);
    const of = { incarnation: freshId(), replicas: workloadOf(deployment).scaling.min };
    const body = deploymentObject({ current }, of, settings);
    const made = await client
      .call('create a Deployment', () =>
        client.apps.createNamespacedDeployment({ namespace, body, fieldValidation: 'Strict' }),
      )
      .catch((error: unknown) => this.#takenBy(deployment, error));
    this.#keep(made);
    try {
      await this.#ensureService(made);
    } catch (error) {
      await this.remove(deployment);
      throw error;
    }
    return waits.outcome(deployment, current.generation);
  }

  /** Says who has the name that was asked for. */
  async #takenBy(fn: FunctionName, error: unknown): Promise<never> {
    if (!(error instanceof KubernetesError) || !error.isAlreadyExists) throw error;
    const found = await this.#read(fn).catch(notFoundAs(undefined));
    if (!found || found.metadata?.labels?.[managedBy.key] === managedBy.value) throw new FunctionExistsError(fn);
    const problem = `namespace ${fn.namespace} has a Deployment ${fn.name} that is none of berth's`;
    throw new ProviderError(409, `${problem}: choose another name, or remove it with kubectl`, { cause: error });
  }

  /** @throws FunctionNotFoundError when there is no function of the name */
  async update(deployment: FunctionDeployment): Promise<DeployOutcome> {
    const { watch, routes, waits, events } = this.#parts;
    watch.get(deployment);
    await this.#check(deployment);
    const current = newVersion(deployment);
    const made = await this.#change(deployment, (versions) => {
      const ready = readyGenerations(deployment, watch, routes);
      return { current, previous: servedVersion(versions, ready) };
    });
    await this.#ensureService(made);
    const { name, namespace, image } = deployment;
    const outcome = await waits.outcome(deployment, current.generation);
    if (outcome === 'ready') events.tell({ kind: 'updated', name, namespace, text: `was updated, to ${image}` });
    return outcome;
  }

  /** Removes a function; its Pods end after their grace. */
  async remove(fn: FunctionName): Promise<void> {
    const { client, watch } = this.#parts;
    const { name, namespace } = fn;
    const { object } = watch.get(fn);
    const body = { propagationPolicy: 'Background', preconditions: { uid: object.metadata?.uid } };
    await client
      .call('delete a Deployment', () => client.apps.deleteNamespacedDeployment({ name, namespace, body }))
      .catch(notFoundAs(undefined));
    watch.objects(namespace)?.deployments.forget(object);
    // At once, and not when the cluster collects it: the name may be deployed again.
    await client
      .call('delete a Service', () => client.core.deleteNamespacedService({ name, namespace }))
      .catch(notFoundAs(undefined));
  }

  async scale(fn: FunctionName, asked: number, { durable = true }: ScaleOptions = {}): Promise<void> {
    const { client, watch, events } = this.#parts;
    const { name, namespace } = fn;
    const { object, versions } = watch.get(fn);
    const replicas = clampReplicas(versions.current.deployment, asked);
    const from = object.spec?.replicas ?? 1;
    if (replicas === from) return;
    const body = { spec: { replicas } };
    const scaled = await client
      .call('scale a Deployment', () =>
        client.apps.patchNamespacedDeploymentScale({ name, namespace, body }, client.mergePatch),
      )
      .catch(notFoundAs(undefined));
    if (!scaled) throw new FunctionNotFoundError(fn);
    const { resourceVersion } = scaled.metadata ?? {};
    if (object.spec)
      this.#keep({ ...object, metadata: { ...object.metadata, resourceVersion }, spec: { ...object.spec, replicas } });
    events.tell({ ...scaleEvent({ from, to: replicas, isAskedFor: durable }), name, namespace });
  }

  /** @throws ProviderError 409 when it has no previous version */
  async rollBack(fn: FunctionName): Promise<void> {
    await this.#change(fn, ({ current, previous }) => {
      if (previous) return { current: previous, previous: current };
      throw new ProviderError(409, `function ${fullName(fn)} has no previous version: it was not updated yet`);
    });
  }

  /** Starts the Pods anew one after another, unless the function sleeps: then they are new when it wakes. */
  async restart(fn: FunctionName): Promise<void> {
    const { watch, events } = this.#parts;
    if (watch.get(fn).object.spec?.replicas === 0) return;
    await this.#change(fn, ({ current, previous }) => ({ current: { ...current, generation: freshId() }, previous }));
    events.tell({ ...fn, kind: 'restarted', text: 'is restarted, as was asked for' });
  }

  /** Makes the Services that a crash has left out. */
  async repair(namespace: string): Promise<void> {
    const { client, watch, log } = this.#parts;
    const { items } = await client.call('list Services', () => client.core.listNamespacedService({ namespace }));
    const present = new Set(items.map(({ metadata }) => metadata?.name));
    const lacking = watch.functions(namespace).filter(({ object }) => !present.has(object.metadata?.name));
    for (const { object } of lacking) {
      log.info('a function has no Service: making it', { name: object.metadata?.name, namespace });
      await this.#ensureService(object);
    }
  }

  async #check(deployment: FunctionDeployment): Promise<void> {
    this.#parts.watch.require(deployment.namespace);
    checkDeployment(deployment);
    await this.#parts.secrets.requireFor(deployment);
  }

  /** Changes the versions of a function and nothing else; where another change came between, from what that has left. */
  async #change(fn: FunctionName, change: (versions: StoredVersions) => StoredVersions): Promise<V1Deployment> {
    const { client, settings } = this.#parts;
    this.#parts.watch.get(fn);
    for (let left = tries; ; left -= 1) {
      const live = await this.#read(fn).catch(notFoundAs(undefined));
      const versions = live && versionsOf(live);
      if (!versions) throw new FunctionNotFoundError(fn);
      const body = changedObject(live, change(versions), settings);
      try {
        const request = { ...fn, body, fieldValidation: 'Strict' };
        const { name, namespace } = fn;
        const made = await client.call('change a Deployment', () =>
          client.apps.replaceNamespacedDeployment({ ...request, name, namespace }),
        );
        this.#keep(made);
        return made;
      } catch (error) {
        if (left <= 1 || !(error instanceof KubernetesError) || !error.isConflict) throw error;
      }
    }
  }

  #read({ name, namespace }: FunctionName): Promise<V1Deployment> {
    const { client } = this.#parts;
    return client.call('read a Deployment', () => client.apps.readNamespacedDeployment({ name, namespace }));
  }

  #keep(object: V1Deployment): void {
    this.#parts.watch.objects(object.metadata?.namespace ?? '')?.deployments.put(object);
  }

  /** Makes the Service of a function where it is not there. */
  async #ensureService(owner: V1Deployment): Promise<void> {
    const { client } = this.#parts;
    const body = serviceObject(owner);
    const namespace = owner.metadata?.namespace ?? '';
    const create = () => client.core.createNamespacedService({ namespace, body, fieldValidation: 'Strict' });
    await client.call('create a Service', create).catch((error: unknown) => {
      if (!(error instanceof KubernetesError) || !error.isAlreadyExists) throw error;
    });
  }
}

/** Keeps how many replicas there are, the life that it is, and what others have annotated it with. */
function changedObject(live: V1Deployment, versions: StoredVersions, settings: DeploymentSettings): V1Deployment {
  const { metadata, spec } = live;
  const incarnation = metadata?.labels?.[incarnationLabel] ?? '';
  const replicas = clampReplicas(versions.current.deployment, spec?.replicas ?? 1);
  const object = deploymentObject(versions, { incarnation, replicas }, settings);
  const others = Object.entries(metadata?.annotations ?? {}).filter(
    ([key]) => key !== versionAnnotation && key !== previousAnnotation,
  );
  const annotations = { ...Object.fromEntries(others), ...object.metadata?.annotations };
  const { resourceVersion, uid } = metadata ?? {};
  return { ...object, metadata: { ...object.metadata, annotations, resourceVersion, uid } };
}
