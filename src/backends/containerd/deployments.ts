import { setTimeout as sleep } from 'node:timers/promises';
import {
  clampReplicas,
  FunctionExistsError,
  FunctionNotFoundError,
  type DeployOutcome,
  type FunctionDeployment,
  ProviderError,
  type FunctionName,
  type ScaleOptions,
  fullName,
  type FullName,
  resourcesOf,
  workloadOf,
} from '../../provider/index.ts';
import type { SecretStore } from '../../secrets/index.ts';
import type { FunctionStore } from './desired/function-store.ts';
import { newGeneration, type FunctionRecord, type Generation } from './desired/record.ts';
import type { GenerationImages } from './generation-images.ts';
import type { UsedImage } from './images/index.ts';
import type { GenerationOutcome } from './reconcile/function-state.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import { requireSecrets } from './function-secrets.ts';
import { validateDeployment } from './runtime-spec/index.ts';
import { StartError } from './start-error.ts';
import { faultOwner } from './to-provider-error.ts';

export interface DeploymentsOptions {
  store: FunctionStore;
  secrets: SecretStore;
  images: GenerationImages;
  reconciler: Reconciler;
  requireNamespace: (name: string) => Promise<void>;
  /** How long a caller waits for the outcome before it gets 202, in milliseconds. */
  answerMs: number;
}

/**
 * The verbs that change what is wanted. Each checks, pulls, writes the record and waits for the reconciler's outcome, all
 * within `answerMs`; past that the caller is told "accepted" and the rest goes on without it.
 */
export class Deployments {
  readonly #store: FunctionStore;
  readonly #secrets: SecretStore;
  readonly #images: GenerationImages;
  readonly #reconciler: Reconciler;
  readonly #requireNamespace: (name: string) => Promise<void>;
  readonly #answerMs: number;
  /** New functions whose image is being pulled: their names are taken already. */
  readonly #creating = new Set<FullName>();
  /** Deployments whose image no record names yet. */
  readonly #pulling = new Set<FunctionDeployment>();

  constructor(options: DeploymentsOptions) {
    this.#store = options.store;
    this.#secrets = options.secrets;
    this.#images = options.images;
    this.#reconciler = options.reconciler;
    this.#requireNamespace = options.requireNamespace;
    this.#answerMs = options.answerMs;
  }

  async deploy(deployment: FunctionDeployment): Promise<DeployOutcome> {
    await this.#check(deployment);
    const key = fullName(deployment);
    if (this.#store.has(deployment) || this.#creating.has(key)) throw new FunctionExistsError(deployment);
    this.#creating.add(key);
    this.#pulling.add(deployment);
    const deadline = this.#deadline();
    try {
      const generation = await this.#resolveImage(deployment, deadline);
      const replicas = workloadOf(deployment).scaling.min;
      const written = this.#store.put(deployment, { schema: 1, current: generation, replicas, asleep: false });
      const outcome = this.#reconciler.outcome(deployment, generation.id);
      await written;
      return await this.#created(deployment, generation, outcome, deadline);
    } finally {
      this.#creating.delete(key);
      this.#pulling.delete(deployment);
    }
  }

  async #created(
    fn: FunctionName,
    { imageDigest }: Generation,
    outcome: Promise<GenerationOutcome>,
    deadline: Promise<undefined>,
  ): Promise<DeployOutcome> {
    this.#reconciler.wake(fn);
    if (!imageDigest) return 'accepted';
    const result = await Promise.race([outcome, deadline]);
    if (!result) return 'accepted';
    if (result.ready) return 'ready';
    // A process that dies is the function's own business: it stays, is started again, and its status says why.
    if (isExit(result.error) || faultOwner(result.error) !== 'caller') return 'accepted';
    await this.remove(fn);
    throw result.error;
  }

  async update(deployment: FunctionDeployment): Promise<DeployOutcome> {
    this.#require(deployment);
    await this.#check(deployment);
    this.#pulling.add(deployment);
    const deadline = this.#deadline();
    try {
      const generation = await this.#resolveImage(deployment, deadline);
      const written = this.#putCandidate(deployment, generation);
      // Asked for before anybody can look at the record, so that no outcome comes too early.
      const outcome = this.#reconciler.outcome(deployment, generation.id);
      await written;
      return await this.#updated(deployment, generation, outcome, deadline);
    } finally {
      this.#pulling.delete(deployment);
    }
  }

  async #putCandidate(deployment: FunctionDeployment, generation: Generation): Promise<void> {
    // Read again: it may have been removed or updated while the image was pulled.
    const { candidate: superseded, ...record } = this.#require(deployment);
    const replicas = clampReplicas(deployment, Math.max(record.replicas, 1));
    await this.#store.put(deployment, { ...record, candidate: generation, replicas, failure: undefined });
    if (superseded) this.#reconciler.superseded(deployment, superseded.id);
  }

  async #updated(
    deployment: FunctionDeployment,
    { imageDigest }: Generation,
    outcome: Promise<GenerationOutcome>,
    deadline: Promise<undefined>,
  ): Promise<DeployOutcome> {
    this.#reconciler.wake(deployment);
    if (!imageDigest) return 'accepted';
    const result = await Promise.race([outcome, deadline]);
    if (!result) return 'accepted';
    if (result.ready) return 'ready';
    throw updateFailed(deployment, result.error);
  }

  async remove(fn: FunctionName): Promise<void> {
    this.#require(fn);
    await this.#store.delete(fn);
    this.#reconciler.wake(fn);
  }

  async scale(fn: FunctionName, replicas: number, { durable = true }: ScaleOptions): Promise<void> {
    const record = this.#require(fn);
    const clamped = clampReplicas(record.current.deployment, replicas);
    const changed = clamped === 0 ? { asleep: true } : { asleep: false, replicas: clamped };
    await this.#store.put(fn, { ...record, ...changed }, { fsync: durable });
    this.#reconciler.wake(fn);
  }

  async rollBack(fn: FunctionName): Promise<void> {
    const { previous } = this.#require(fn);
    if (!previous)
      throw new ProviderError(409, `function ${fullName(fn)} has no previous version: it was not updated yet`);
    await this.#reconciler.rollBack(fn);
  }

  /** Images of a namespace that must stay although no record names them yet. */
  pulling(namespace: string): UsedImage[] {
    return [...this.#pulling].filter((deployment) => deployment.namespace === namespace);
  }

  #require(fn: FunctionName): FunctionRecord {
    const record = this.#store.get(fn);
    if (!record) throw new FunctionNotFoundError(fn);
    return record;
  }

  async #check(deployment: FunctionDeployment): Promise<void> {
    await this.#requireNamespace(deployment.namespace);
    validateDeployment(deployment, resourcesOf(deployment));
    await requireSecrets(this.#secrets, deployment.namespace, deployment.secrets ?? []);
  }

  /** With its digest, or without when the pull takes longer than the caller waits: the reconciler then goes on with it. */
  async #resolveImage(deployment: FunctionDeployment, deadline: Promise<undefined>): Promise<Generation> {
    const pull = this.#images.ensure(deployment);
    // Past the deadline nobody waits for it here any more.
    pull.catch(() => {});
    const image = await Promise.race([pull, deadline]);
    return newGeneration(deployment, image?.digest);
  }

  #deadline(): Promise<undefined> {
    return sleep(this.#answerMs, undefined, { ref: false });
  }
}

function isExit(error: Error): boolean {
  return error instanceof StartError && error.kind === 'exited';
}

function updateFailed({ name, image }: FunctionDeployment, error: Error): Error {
  if (!isExit(error) && faultOwner(error) !== 'unknown') return error;
  const message = `the new version of ${name} (${image}) did not start, the old one stays: ${error.message}`;
  return new StartError('failed', message, { cause: error });
}
