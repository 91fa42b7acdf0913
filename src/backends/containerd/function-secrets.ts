import {
  ProviderError,
  SecretExistsError,
  SecretNotFoundError,
  type Secret,
  type SecretName,
  type SecretVerbs,
} from '../../provider/index.ts';
import { SecretError, type SecretStore } from '../../secrets/index.ts';
import type { FunctionNamespaces } from './function-namespaces.ts';
import type { InUse } from './in-use.ts';
import { StartError } from './start-error.ts';

export interface FunctionSecretsOptions {
  store: SecretStore;
  namespaces: FunctionNamespaces;
  inUse: InUse;
  /** Gives a replica's copies of secrets their values of now. */
  refresh: (replica: { id: string; namespace: string }) => Promise<void>;
}

/** The secrets API: secrets on disk, in namespaces that functions can be in. */
export class FunctionSecrets implements SecretVerbs {
  readonly #parts: FunctionSecretsOptions;

  constructor(parts: FunctionSecretsOptions) {
    this.#parts = parts;
  }

  async list(namespace: string): Promise<SecretName[]> {
    await this.#parts.namespaces.require(namespace);
    return this.#parts.store.list(namespace);
  }

  async create(secret: Secret): Promise<void> {
    const { store, namespaces } = this.#parts;
    const { name, namespace, value } = secret;
    await namespaces.require(namespace);
    await store.create(namespace, name, value).catch(contractError(secret));
    try {
      // It may have been removed meanwhile, and one made anew is not to have this.
      await namespaces.require(namespace);
    } catch (error) {
      await store.remove(namespace, name);
      throw error;
    }
  }

  /** Gives a secret another value, also in the replicas that run or stand by. */
  async update(secret: Secret): Promise<void> {
    const { store, namespaces, inUse, refresh } = this.#parts;
    const { name, namespace, value } = secret;
    await namespaces.require(namespace);
    await store.update(namespace, name, value).catch(contractError(secret));
    for (const id of inUse.replicaIds(namespace)) await refresh({ id, namespace });
  }

  /** @throws ProviderError 409 while functions need it */
  async remove(secret: SecretName): Promise<void> {
    const { store, namespaces, inUse } = this.#parts;
    const { name, namespace } = secret;
    await namespaces.require(namespace);
    const users = inUse.secretUsers(namespace, name);
    if (users.length > 0) {
      const functions = users.length === 1 ? `function ${users[0]}` : `functions ${users.join(', ')}`;
      const message = `secret ${name} of namespace ${namespace} is in use by ${functions}: deploy without it, or remove, first`;
      throw new ProviderError(409, message);
    }
    await store.remove(namespace, name).catch(contractError(secret));
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
