import { setTimeout as sleep } from 'node:timers/promises';
import {
  checkNetworkAllow,
  clampReplicas,
  type EventFeed,
  FunctionExistsError,
  FunctionNotFoundError,
  type DeployOptions,
  type DeployOutcome,
  type FunctionDeployment,
  type FunctionFile,
  ProviderError,
  type FunctionName,
  type ScaleOptions,
  fullName,
  type FullName,
  resourcesOf,
  scaleEvent,
  workloadOf,
  type NetworkTarget,
} from '../../provider/index.ts';
import { parseReference } from '../../registry/index.ts';
import type { SecretStore } from '../../secrets/index.ts';
import type { FunctionStore } from './desired/function-store.ts';
import {
  askedFor,
  isSo,
  newGeneration,
  replicasWanted,
  rolledBack,
  type FunctionRecord,
  type Generation,
} from './desired/record.ts';
import type { FunctionNamespaces } from './function-namespaces.ts';
import type { GenerationImages } from './generation-images.ts';
import type { UnpackedImage } from './images/index.ts';
import type { InUse } from './in-use.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import type { Sweep } from './sweep.ts';
import { requireSecrets } from './function-secrets.ts';
import type { ReplicaRoom } from './replica-room.ts';
import { refuseUnsupported } from './refuse-unsupported.ts';
import { validateDeployment } from './runtime-spec/index.ts';
import { isExit, outcomeInTime, restartOf, updateFailed, type Rollout } from './rollout.ts';
import { superseded } from './start-error.ts';
import { faultOwner } from './to-provider-error.ts';
import { Turns } from './turns.ts';

export interface DeploymentsOptions {
  store: FunctionStore;
  secrets: SecretStore;
  images: GenerationImages;
  reconciler: Reconciler;
  namespaces: FunctionNamespaces;
  inUse: InUse;
  sweep: Sweep;
  room: ReplicaRoom;
  events: EventFeed;
  /** The most that the annotation `com.openfaas.network.allow` may ask for; anything unless given. */
  networkAllowMax?: NetworkTarget[];
  /** How long a caller waits for the outcome before it gets 202, in milliseconds. */
  answerMs: number;
}

/** Gives the record with a new version in it. */
type Change = (record: FunctionRecord | undefined, generation: Generation) => FunctionRecord;

/**
 * The verbs that change what is wanted. Each checks, pulls, writes the record and waits for the reconciler's outcome, all
 * within `answerMs`; past that the caller is told "accepted" and the rest goes on without it.
 */
export class Deployments {
  readonly #parts: DeploymentsOptions;
  /** New functions whose image is being pulled: their names are taken already. */
  readonly #creating = new Map<FullName, Promise<unknown>>();
  readonly #turns = new Turns();
  readonly #stopping = new AbortController();
  readonly #beginning = new Set<Promise<unknown>>();

  constructor(parts: DeploymentsOptions) {
    this.#parts = parts;
  }

  /** Answers those who wait "accepted", and resolves when what they sent is written: the next daemon goes on with it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#beginning);
  }

  /** @throws FunctionExistsError when there is a function of the name, also one whose image is still being pulled */
  async deploy(deployment: FunctionDeployment, { file }: DeployOptions = {}): Promise<DeployOutcome> {
    const rollout = await this.#holding(deployment, async () => {
      await this.#check(deployment);
      return this.#create(deployment, file);
    });
    const outcome = await outcomeInTime(rollout);
    if (!outcome) return 'accepted';
    if (outcome.ready) return 'ready';
    // A process that dies is the function's own business: it stays, is started again, and its status says why.
    if (isExit(outcome.error) || !['caller', 'disk'].includes(faultOwner(outcome.error))) return 'accepted';
    await this.#takeBack(deployment, rollout.generation);
    throw outcome.error;
  }

  async #create(deployment: FunctionDeployment, file?: FunctionFile): Promise<Rollout> {
    const key = fullName(deployment);
    if (this.#parts.store.has(deployment) || this.#creating.has(key)) throw new FunctionExistsError(deployment);
    const replicas = workloadOf(deployment).scaling.min;
    const first = (current: Generation): FunctionRecord => ({ schema: 1, current, replicas, asleep: false, file });
    const begun = this.#begin(deployment, (_, current) => first(current)).finally(() => this.#creating.delete(key));
    this.#creating.set(key, begun);
    return begun;
  }

  /** Removes a function whose first version cannot run, unless somebody has changed it since. */
  async #takeBack(fn: FunctionName, { id }: Generation): Promise<void> {
    await this.#parts.store.change(fn, (record) => {
      const isUnchanged = record?.current.id === id && !record.candidate;
      return isUnchanged ? undefined : record;
    });
    this.#parts.reconciler.wake(fn);
  }

  /**
   * Replaces a function's version; of one whose first image is still being pulled, once that is written.
   * @throws FunctionNotFoundError when there is no function of the name
   */
  async update(deployment: FunctionDeployment, { file }: DeployOptions = {}): Promise<DeployOutcome> {
    await this.#creating.get(fullName(deployment))?.catch(() => {});
    const before = required(deployment, this.#parts.store.get(deployment));
    if (file && isSo(before, deployment)) return this.#setFile(deployment, file);
    const rollout = await this.#holding(deployment, async () => {
      await this.#check(deployment);
      // It may have been removed while the image was pulled.
      const change = (record: FunctionRecord | undefined, candidate: Generation): FunctionRecord => {
        const found = required(deployment, record);
        return { ...found, candidate, failure: undefined, file: file ?? found.file };
      };
      return this.#begin(deployment, change);
    });
    const outcome = await outcomeInTime(rollout);
    if (!outcome) return 'accepted';
    if (outcome.ready) return 'ready';
    throw updateFailed(deployment, outcome.error);
  }

  async #setFile(fn: FunctionName, file: FunctionFile): Promise<DeployOutcome> {
    // A version that was asked for before, and is still being pulled, is not what the file says.
    this.#turns.take(fullName(fn)).overtake().end();
    await this.#parts.store.change(fn, (record) => ({ ...required(fn, record), file }));
    return 'ready';
  }

  /** Acts while the deployment keeps its image, its secrets and its namespace. */
  async #holding<T>(deployment: FunctionDeployment, act: () => Promise<T>): Promise<T> {
    this.#parts.inUse.hold(deployment);
    try {
      return await act();
    } finally {
      this.#parts.inUse.letGo(deployment);
    }
  }

  #begin(deployment: FunctionDeployment, change: Change): Promise<Rollout> {
    const begun = this.#pullAndWrite(deployment, change).finally(() => this.#beginning.delete(begun));
    this.#beginning.add(begun);
    return begun;
  }

  /** Pulls the image and writes the version to the record, unless what was asked for later did so meanwhile. */
  async #pullAndWrite(deployment: FunctionDeployment, change: Change): Promise<Rollout> {
    const { signal } = this.#stopping;
    const deadline = sleep(this.#parts.answerMs, undefined, { ref: false, signal }).catch(() => undefined);
    const turn = this.#turns.take(fullName(deployment));
    try {
      const image = await this.#pull(deployment, deadline);
      // By containerd's own tools it may be gone by now.
      await this.#parts.namespaces.require(deployment.namespace);
      if (turn.isOvertaken) throw superseded(deployment);
      turn.overtake();
      return { ...(await this.#write(deployment, image, change)), deadline };
    } finally {
      turn.end();
    }
  }

  /**
   * Writes the version to the record, and has it begun meanwhile; whoever waits for a version that it replaces is told.
   * @param image undefined where it is still being pulled
   */
  async #write(
    fn: FunctionDeployment,
    image: UnpackedImage | undefined,
    change: Change,
  ): Promise<Omit<Rollout, 'deadline'>> {
    const { store, reconciler } = this.#parts;
    const generation = newGeneration(fn, image?.digest);
    const replaced = store.get(fn)?.candidate;
    const written = store.change(fn, (record) => change(record, generation));
    // Asked for before anybody can look at the record, so that no outcome comes too early.
    const outcome = reconciler.outcome(fn, generation.id);
    if (image) reconciler.imagePulled(fn, generation.id, image);
    reconciler.wake(fn);
    try {
      await written;
    } catch (error) {
      // Nobody waits for it any more.
      reconciler.superseded(fn, generation.id);
      reconciler.wake(fn);
      throw error;
    }
    if (replaced) reconciler.superseded(fn, replaced.id);
    return { generation, outcome };
  }

  /** @throws FunctionNotFoundError when there is no function of the name */
  async remove(fn: FunctionName): Promise<void> {
    required(fn, this.#parts.store.get(fn));
    await this.#parts.store.change(fn, () => undefined);
    this.#parts.reconciler.wake(fn);
    void this.#parts.sweep.images(fn.namespace);
  }

  /**
   * Wants another number of replicas; 0 puts the function to sleep, any other is kept within its labels.
   * @throws FunctionNotFoundError when there is no function of the name
   * @throws BadRequestError for more than the host has room for; what scales by itself (not `durable`) gets as many as it has
   */
  async scale(fn: FunctionName, replicas: number, { durable = true, by }: ScaleOptions): Promise<void> {
    const told: ReturnType<typeof scaleEvent>[] = [];
    const change = (record: FunctionRecord | undefined): FunctionRecord => {
      const found = required(fn, record);
      const wanted = clampReplicas(found.current.deployment, replicas);
      const { room } = this.#parts;
      if (durable) room.require('replicas', found.current.deployment, wanted);
      const from = found.asleep ? 0 : replicasWanted(found, found.current);
      const given = durable ? wanted : room.given(found.current.deployment, from, wanted);
      const asleep = given === 0;
      // What asks every second for more than there is room for writes nothing.
      const isSame = asleep === found.asleep && (asleep || given === found.replicas);
      if (isSame) return found;
      told.push(scaleEvent({ from, to: given, by }));
      return { ...found, asleep, replicas: asleep ? found.replicas : given };
    };
    await this.#parts.store.change(fn, change, { durable });
    for (const event of told) this.#parts.events.tell({ ...fn, ...event });
    this.#parts.reconciler.wake(fn, { look: false });
  }

  /**
   * Makes the previous version the candidate.
   * @throws FunctionNotFoundError when there is no function of the name
   * @throws ProviderError 409 when it was never updated
   */
  async rollBack(fn: FunctionName): Promise<void> {
    const replaced = this.#parts.store.get(fn)?.candidate;
    await this.#parts.store.change(fn, (record) => {
      const found = required(fn, record);
      if (found.previous) return rolledBack(found, askedFor);
      throw new ProviderError(409, `function ${fullName(fn)} has no previous version: it was not updated yet`);
    });
    this.#turns.take(fullName(fn)).overtake().end();
    if (replaced) this.#parts.reconciler.superseded(fn, replaced.id);
    this.#parts.reconciler.wake(fn);
  }

  /**
   * Makes the current version the candidate once more, unless the function sleeps.
   * @throws FunctionNotFoundError when there is no function of the name
   * @throws ProviderError 409 while it is being updated
   */
  async restart(fn: FunctionName): Promise<void> {
    await this.#parts.store.change(fn, (record) => restartOf(fn, required(fn, record)));
    this.#parts.reconciler.wake(fn);
  }

  async #check(deployment: FunctionDeployment): Promise<void> {
    refuseUnsupported(deployment);
    checkNetworkAllow(deployment, this.#parts.networkAllowMax);
    await this.#parts.namespaces.require(deployment.namespace);
    parseReference(deployment.image);
    validateDeployment(deployment, resourcesOf(deployment));
    this.#parts.room.require('label com.openfaas.scale.min', deployment, workloadOf(deployment).scaling.min);
    await this.#parts.images.requireLogins(deployment);
    await requireSecrets(this.#parts.secrets, deployment.namespace, deployment.secrets ?? []);
  }

  /** Returns undefined when the pull takes longer than the caller waits: the reconciler goes on with it. */
  async #pull(deployment: FunctionDeployment, deadline: Promise<undefined>): Promise<UnpackedImage | undefined> {
    const pull = this.#parts.images.ensure(deployment);
    // Past the deadline nobody waits for it here any more.
    pull.catch(() => {});
    return Promise.race([pull, deadline]);
  }
}

function required(fn: FunctionName, record: FunctionRecord | undefined): FunctionRecord {
  if (!record) throw new FunctionNotFoundError(fn);
  return record;
}
