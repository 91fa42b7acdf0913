import {
  SecretExistsError,
  SecretNotFoundError,
  type Secret,
  type SecretName,
  type SecretVerbs,
} from '../../provider/index.ts';
import { SecretError, type SecretStore } from '../../secrets/index.ts';
import type { FunctionNamespaces } from './function-namespaces.ts';
import { StartError } from './start-error.ts';

export interface FunctionSecretsOptions {
  store: SecretStore;
  namespaces: FunctionNamespaces;
}

/** The secrets API: secrets on disk, in namespaces that functions can be in. */
export class FunctionSecrets implements SecretVerbs {
  readonly #store: SecretStore;
  readonly #namespaces: FunctionNamespaces;

  constructor({ store, namespaces }: FunctionSecretsOptions) {
    this.#store = store;
    this.#namespaces = namespaces;
  }

  async list(namespace: string): Promise<SecretName[]> {
    await this.#namespaces.require(namespace);
    return this.#store.list(namespace);
  }

  async create(secret: Secret): Promise<void> {
    await this.#namespaces.require(secret.namespace);
    await this.#store.create(secret.namespace, secret.name, secret.value).catch(contractError(secret));
  }

  async update(secret: Secret): Promise<void> {
    await this.#namespaces.require(secret.namespace);
    await this.#store.update(secret.namespace, secret.name, secret.value).catch(contractError(secret));
  }

  async remove(secret: SecretName): Promise<void> {
    await this.#namespaces.require(secret.namespace);
    await this.#store.remove(secret.namespace, secret.name).catch(contractError(secret));
  }
}

function contractError(secret: SecretName): (error: unknown) => never {
  return (error) => {
    if (error instanceof SecretError && error.kind === 'exists') throw new SecretExistsError(secret);
    if (error instanceof SecretError && error.kind === 'not-found') throw new SecretNotFoundError(secret);
    throw error;
  };
}

/**
 * Requires that secrets are there before they are mounted.
 * @throws StartError naming the first one that is not there
 */
export async function requireSecrets(store: SecretStore, namespace: string, names: string[]): Promise<void> {
  for (const name of names) {
    if (await store.has(namespace, name)) continue;
    throw new StartError(
      'invalid',
      `secret ${name} does not exist in namespace ${namespace}: create it first, e.g. faas-cli secret create ${name}`,
    );
  }
}
