import type { V1Secret } from '@kubernetes/client-node';
import {
  BadRequestError,
  NamespaceNotFoundError,
  ProviderError,
  SecretExistsError,
  SecretNotFoundError,
  workloadOf,
  type FunctionDeployment,
  type Secret,
  type SecretName,
  type SecretVerbs,
} from '../../provider/index.ts';
import { managedBy, ownSelector } from './cluster-labels.ts';
import type { FunctionWatch } from './function-watch.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { notFoundAs, KubernetesError } from './kubernetes-error.ts';
import { nameOf } from './object-store.ts';

const loginsType = 'kubernetes.io/dockerconfigjson';
/** The key that Kubernetes wants registry logins under. */
const loginsKey = '.dockerconfigjson';

/** The secrets API: the cluster's Secrets with berth's label. Others are neither shown nor changed. */
export class ClusterSecrets implements SecretVerbs {
  readonly #client: KubernetesClient;
  readonly #watch: FunctionWatch;

  constructor({ client, watch }: { client: KubernetesClient; watch: FunctionWatch }) {
    this.#client = client;
    this.#watch = watch;
  }

  async list(namespace: string): Promise<SecretName[]> {
    return (await this.#all(namespace)).map((secret) => ({ name: nameOf(secret), namespace }));
  }

  /** Returns the secrets with their values, which no API tells. */
  async values(namespace: string): Promise<Secret[]> {
    return (await this.#all(namespace)).map((secret) => {
      const name = nameOf(secret);
      const { [name]: value, [loginsKey]: logins = '' } = secret.data ?? {};
      return { name, namespace, value: Buffer.from(value ?? logins, 'base64') };
    });
  }

  async #all(namespace: string): Promise<V1Secret[]> {
    this.#watch.require(namespace);
    const list = () => this.#client.core.listNamespacedSecret({ namespace, labelSelector: ownSelector });
    return (await this.#client.call('list Secrets', list)).items;
  }

  /**
   * Makes a secret.
   * @param secret with its value
   * @param options `isLogins`: it holds a docker config.json, for com.openfaas.image.pull-secret and not to be mounted
   */
  async create(secret: Secret, { isLogins = false }: { isLogins?: boolean } = {}): Promise<void> {
    const { namespace } = secret;
    this.#watch.require(namespace);
    const body = secretObject(secret, isLogins ? loginsType : 'Opaque');
    const create = () => this.#client.core.createNamespacedSecret({ namespace, body });
    await this.#client.call('create a Secret', create).catch((error: unknown) => {
      if (error instanceof KubernetesError && error.isAlreadyExists) return this.#takenBy(secret, error);
      if (error instanceof KubernetesError && error.isNotFound) throw new NamespaceNotFoundError(namespace);
      throw error;
    });
  }

  /** Says whose the name is that was asked for. */
  async #takenBy(secret: SecretName, cause: unknown): Promise<never> {
    const { name, namespace } = secret;
    const found = await this.#read(secret);
    if (!found || isOwn(found)) throw new SecretExistsError(secret);
    const problem = `namespace ${namespace} has a Secret ${name} that is none of berth's`;
    throw new ProviderError(409, `${problem}: choose another name, or remove it with kubectl`, { cause });
  }

  /** Gives a secret another value, which running Pods see in a minute or two. */
  async update(secret: Secret): Promise<void> {
    const { name, namespace } = secret;
    const { metadata, type } = await this.#own(secret);
    const object = secretObject(secret, type);
    // What was removed and made by somebody else meanwhile is refused.
    const body = { ...object, metadata: { ...object.metadata, resourceVersion: metadata?.resourceVersion } };
    await this.#client
      .call('change a Secret', () => this.#client.core.replaceNamespacedSecret({ name, namespace, body }))
      .catch(notFoundOf(secret));
  }

  /** @throws ProviderError 409 while functions need it: no new Pod of theirs would start */
  async remove(secret: SecretName): Promise<void> {
    const { name, namespace } = secret;
    await this.#own(secret);
    const users = this.#watch
      .functions(namespace)
      .filter(({ versions: { current } }) => isUsed(current.deployment, name));
    if (users.length > 0) {
      const names = users.map(({ versions }) => versions.current.deployment.name);
      const functions = `${names.length === 1 ? 'function' : 'functions'} ${names.join(', ')}`;
      const message = `secret ${name} of namespace ${namespace} is in use by ${functions}: deploy without it, or remove, first`;
      throw new ProviderError(409, message);
    }
    await this.#client
      .call('delete a Secret', () => this.#client.core.deleteNamespacedSecret({ name, namespace }))
      .catch(notFoundOf(secret));
  }

  /**
   * Requires that all secrets of a deployment are there: a Pod would wait for one that is not.
   * @throws BadRequestError naming the first one that is not there
   */
  async requireFor(deployment: FunctionDeployment): Promise<void> {
    const { namespace, secrets = [] } = deployment;
    for (const name of secrets) {
      const found = await this.#read({ name, namespace });
      if (found && isOwn(found)) continue;
      throw new BadRequestError(
        `secret ${name} does not exist in namespace ${namespace}: create it first, e.g. faas-cli secret create ${name}`,
      );
    }
    const { pullSecret } = workloadOf(deployment);
    if (pullSecret === undefined) return;
    const found = await this.#read({ name: pullSecret, namespace });
    if (found?.type === loginsType) return;
    throw new BadRequestError(
      `annotation com.openfaas.image.pull-secret: namespace ${namespace} has no registry login ${pullSecret}: create it with kubectl create secret docker-registry`,
    );
  }

  /** @throws SecretNotFoundError also when the secret is somebody else's */
  async #own(secret: SecretName): Promise<V1Secret> {
    this.#watch.require(secret.namespace);
    const found = await this.#read(secret);
    if (!found || !isOwn(found)) throw new SecretNotFoundError(secret);
    return found;
  }

  #read({ name, namespace }: SecretName): Promise<V1Secret | undefined> {
    return this.#client
      .call('read a Secret', () => this.#client.core.readNamespacedSecret({ name, namespace }))
      .catch(notFoundAs(undefined));
  }
}

function secretObject({ name, namespace, value }: Secret, type = 'Opaque'): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    metadata: { name, namespace, labels: { [managedBy.key]: managedBy.value } },
    data: { [type === loginsType ? loginsKey : name]: value.toString('base64') },
  };
}

function isOwn({ metadata }: V1Secret): boolean {
  return metadata?.labels?.[managedBy.key] === managedBy.value;
}

function isUsed(deployment: FunctionDeployment, name: string): boolean {
  return deployment.secrets?.includes(name) || workloadOf(deployment).pullSecret === name;
}

function notFoundOf(secret: SecretName): (error: unknown) => never {
  return (error) => {
    if (error instanceof KubernetesError && error.isNotFound) throw new SecretNotFoundError(secret);
    throw error;
  };
}
