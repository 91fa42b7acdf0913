import { workloadOf, type FunctionDeployment } from '../../provider/index.ts';
import type { SecretStore } from '../../secrets/index.ts';
import type { FunctionStore } from './desired/function-store.ts';
import type { UsedImage } from './images/index.ts';
import type { FunctionStates } from './reconcile/function-states.ts';

export interface InUseOptions {
  store: FunctionStore;
  secrets: SecretStore;
  states: FunctionStates;
}

/** Answers what is in use, and so must not be cleared away. */
export class InUse {
  readonly #store: FunctionStore;
  readonly #secrets: SecretStore;
  readonly #states: FunctionStates;
  readonly #held = new Set<FunctionDeployment>();

  constructor({ store, secrets, states }: InUseOptions) {
    this.#store = store;
    this.#secrets = secrets;
    this.#states = states;
  }

  /** Keeps the image of a deployment whose version is not stored yet, until `letGo`. */
  hold(deployment: FunctionDeployment): void {
    this.#held.add(deployment);
  }

  letGo(deployment: FunctionDeployment): void {
    this.#held.delete(deployment);
  }

  /**
   * Lists the ids of replicas that are there or being made.
   * @param namespace that they are in; all namespaces unless given
   */
  replicaIds(namespace?: string): string[] {
    return this.#states.replicaIds(namespace);
  }

  /** Names the functions that need a secret, now or with the version that is being deployed; sorted. */
  secretUsers(namespace: string, secret: string): string[] {
    const stored = this.#store.inNamespace(namespace).flatMap(({ record }) => [record.current, record.candidate]);
    const deployments = [...stored.flatMap((generation) => generation?.deployment ?? []), ...this.#held];
    const users = deployments.filter((each) => each.namespace === namespace && needs(each, secret));
    return [...new Set(users.map(({ name }) => name))].sort();
  }

  /** Whether all images in use are known: not when a function's file cannot be read. */
  knowsImages(namespace: string): boolean {
    return !this.#store.hasUnreadable(namespace);
  }

  /** Lists the images that versions of the namespace's functions need, the previous ones for rollback included. */
  images(namespace: string): UsedImage[] {
    const stored = this.#store
      .inNamespace(namespace)
      .flatMap(({ record }) => [record.current, record.candidate, record.previous])
      .flatMap((generation) => generation ?? [])
      .map(({ deployment, imageDigest }) => ({ image: deployment.image, digest: imageDigest }));
    const held = [...this.#held].filter((deployment) => deployment.namespace === namespace);
    return [...stored, ...held.map(({ image }) => ({ image }))];
  }

  /** Names the functions and secrets that keep a namespace from being removed, such as `function env`. */
  async contents(namespace: string): Promise<string[]> {
    const functions = this.#store.inNamespace(namespace).map((stored) => `function ${stored.function.name}`);
    const held = [...this.#held].filter(
      (deployment) => deployment.namespace === namespace && !this.#store.has(deployment),
    );
    const deploying = held.map(({ name }) => `function ${name}, which is being deployed,`);
    const secrets = (await this.#secrets.list(namespace)).map(({ name }) => `secret ${name}`);
    const unreadable = this.#store.hasUnreadable(namespace) ? ['a function whose file cannot be read'] : [];
    return [...functions, ...deploying, ...secrets, ...unreadable];
  }
}

function needs(deployment: FunctionDeployment, secret: string): boolean {
  return (deployment.secrets?.includes(secret) ?? false) || workloadOf(deployment).pullSecret === secret;
}
