import {
  BadRequestError,
  clampReplicas,
  FunctionExistsError,
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
import type { ClusterDeployments } from './cluster-deployments.ts';
import { managedBy } from './cluster-labels.ts';
import type { ClusterSecrets } from './cluster-secrets.ts';
import type { ClusterServices } from './cluster-services.ts';
import { servedVersion, updateFailure } from './function-facts.ts';
import type { FunctionWatch } from './function-watch.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { readyGenerations, type RolloutWaits } from './rollout-waits.ts';
import { freshId, newVersion, type StoredVersions } from './stored-version.ts';

export interface ClusterFunctionsOptions {
  deployments: ClusterDeployments;
  services: ClusterServices;
  watch: FunctionWatch;
  routes: RoutingTable;
  waits: RolloutWaits;
  secrets: ClusterSecrets;
  events: EventFeed;
}

/** The most that Kubernetes counts. */
const mostReplicas = 2 ** 31 - 1;

/** The verbs that change what is wanted, which is in the cluster and nowhere else. */
export class ClusterFunctions {
  readonly #parts: ClusterFunctionsOptions;

  constructor(parts: ClusterFunctionsOptions) {
    this.#parts = parts;
  }

  /** @throws FunctionExistsError when there is a function of the name */
  async deploy(deployment: FunctionDeployment): Promise<DeployOutcome> {
    const generation = await this.create(deployment);
    return this.#parts.waits.outcome(deployment, generation);
  }

  /**
   * Makes a function, and waits for no replica of it.
   * @param asked how many replicas it begins with, 0 for one that sleeps; as its labels say where it is absent
   * @returns the id of its version
   * @throws FunctionExistsError when there is a function of the name
   */
  async create(deployment: FunctionDeployment, asked?: number): Promise<string> {
    const { deployments, services, watch } = this.#parts;
    await this.#check(deployment);
    if (watch.find(deployment)) throw new FunctionExistsError(deployment);
    const current = newVersion(deployment);
    const replicas = clampReplicas(deployment, asked ?? workloadOf(deployment).scaling.min);
    const life = { incarnation: freshId(), replicas };
    const made = await deployments
      .create({ current }, life)
      .catch((error: unknown) => this.#takenBy(deployment, error));
    try {
      await services.ensure(made);
    } catch (error) {
      await deployments.remove(deployment, made);
      throw error;
    }
    return current.generation;
  }

  /** Says who has the name that was asked for. */
  async #takenBy(fn: FunctionName, error: unknown): Promise<never> {
    if (!(error instanceof KubernetesError) || !error.isAlreadyExists) throw error;
    const found = await this.#parts.deployments.read(fn);
    if (!found || found.metadata?.labels?.[managedBy.key] === managedBy.value) throw new FunctionExistsError(fn);
    const problem = `namespace ${fn.namespace} has a Deployment ${fn.name} that is none of berth's`;
    throw new ProviderError(409, `${problem}: choose another name, or remove it with kubectl`, { cause: error });
  }

  /** @throws FunctionNotFoundError when there is no function of the name */
  async update(deployment: FunctionDeployment): Promise<DeployOutcome> {
    const { waits, events } = this.#parts;
    const generation = await this.replace(deployment);
    const { name, namespace, image } = deployment;
    const outcome = await waits.outcome(deployment, generation);
    if (outcome === 'ready') events.tell({ kind: 'updated', name, namespace, text: `was updated, to ${image}` });
    return outcome;
  }

  /**
   * Gives a function another version, and waits for no replica of it.
   * @param replicas how many there are to be; as many as there are where it is absent
   * @returns the id of the version
   * @throws FunctionNotFoundError when there is no function of the name
   */
  async replace(deployment: FunctionDeployment, replicas?: number): Promise<string> {
    const { deployments, services, watch, routes } = this.#parts;
    await this.#check(deployment);
    watch.get(deployment);
    const current = newVersion(deployment);
    const change = (versions: StoredVersions) => {
      const ready = readyGenerations(deployment, watch, routes);
      return { current, previous: servedVersion(versions, ready) };
    };
    await services.ensure(await deployments.change(deployment, change, replicas));
    return current.generation;
  }

  async remove(fn: FunctionName): Promise<void> {
    const { deployments, watch } = this.#parts;
    await deployments.remove(fn, watch.get(fn).object);
  }

  async scale(fn: FunctionName, asked: number, { by }: ScaleOptions = {}): Promise<void> {
    const { deployments, watch, events } = this.#parts;
    const { object, versions } = watch.get(fn);
    const replicas = clampReplicas(versions.current.deployment, asked);
    if (replicas > mostReplicas) throw new BadRequestError(`replicas must be at most ${mostReplicas}`);
    const from = object.spec?.replicas ?? 1;
    if (replicas === from) return;
    if (replicas > 0 || !(await this.#sleepWithoutUpdate(fn))) await deployments.scale(fn, object, replicas);
    const { name, namespace } = fn;
    events.tell({ ...scaleEvent({ from, to: replicas, by }), name, namespace });
  }

  /**
   * Puts a function to sleep whose update has failed, with the version that takes calls: the cluster would wake the one that
   * cannot start, and that alone.
   * @returns whether it was so
   */
  async #sleepWithoutUpdate(fn: FunctionName): Promise<boolean> {
    const { deployments, watch, routes } = this.#parts;
    const known = watch.get(fn);
    const { current, previous } = known.versions;
    const failure = updateFailure(known, watch.pods(fn), readyGenerations(fn, watch, routes));
    if (failure === undefined || !previous) return false;
    const giveUp = (live: StoredVersions): StoredVersions =>
      live.current.generation === current.generation ? { current: previous, failedUpdate: failure } : live;
    await deployments.change(fn, giveUp, 0);
    return true;
  }

  /** @throws ProviderError 409 when it has no previous version */
  async rollBack(fn: FunctionName): Promise<void> {
    const { deployments, watch } = this.#parts;
    watch.get(fn);
    await deployments.change(fn, ({ current, previous }) => {
      if (previous) return { current: previous, previous: current };
      throw new ProviderError(409, `function ${fullName(fn)} has no previous version: it was not updated yet`);
    });
  }

  /** Starts the Pods anew one after another, unless the function sleeps: then they are new when it wakes. */
  async restart(fn: FunctionName): Promise<void> {
    const { deployments, watch, events } = this.#parts;
    if (watch.get(fn).object.spec?.replicas === 0) return;
    await deployments.change(fn, (versions) => ({
      ...versions,
      current: { ...versions.current, generation: freshId() },
    }));
    const { name, namespace } = fn;
    events.tell({ kind: 'restarted', name, namespace, text: 'is restarted, as was asked for' });
  }

  async #check(deployment: FunctionDeployment): Promise<void> {
    this.#parts.watch.require(deployment.namespace);
    checkDeployment(deployment);
    await this.#parts.secrets.requireFor(deployment);
  }
}
