import {
  type FunctionDeployment,
  FunctionExistsError,
  type FunctionName,
  FunctionNotFoundError,
  type FunctionStatus,
  type Provider,
  type Secret,
  SecretExistsError,
  SecretNotFoundError,
  NoEndpointsError,
} from '../../../src/index.ts';

const key = ({ name, namespace }: FunctionName) => `${name}.${namespace}`;

/** What the act returns or throws, as a promise. */
const promise = <T>(act: () => T) => new Promise<T>((resolve) => resolve(act()));

/** A whole provider that keeps everything in two maps: what the SDK asks of a back end, at its smallest. */
export function memoryProvider(): Provider {
  const functions = new Map<string, FunctionStatus>();
  const secrets = new Map<string, Secret>();

  const find = (name: FunctionName): FunctionStatus => {
    const found = functions.get(key(name));
    if (!found) throw new FunctionNotFoundError(name);
    return found;
  };
  const store = (deployment: FunctionDeployment): 'ready' => {
    functions.set(key(deployment), { labels: {}, annotations: {}, ...deployment, replicas: 1, availableReplicas: 1 });
    return 'ready';
  };

  return {
    info: () =>
      promise(() => ({ provider: 'memory', orchestration: 'none', version: { release: '1.0.0', sha: 'abc' } })),
    deploy: (deployment) =>
      promise(() => {
        if (functions.has(key(deployment))) throw new FunctionExistsError(deployment);
        return store(deployment);
      }),
    update: (deployment) =>
      promise(() => {
        find(deployment);
        return store(deployment);
      }),
    remove: (name) => promise(() => void functions.delete(key(find(name)))),
    list: (namespace) => promise(() => [...functions.values()].filter((status) => status.namespace === namespace)),
    status: (name) => promise(() => find(name)),
    scale: (name, replicas) => promise(() => void Object.assign(find(name), { replicas, availableReplicas: replicas })),
    resolve: (name) =>
      promise(() => {
        throw new NoEndpointsError(find(name));
      }),
    secrets: {
      list: (namespace) => promise(() => [...secrets.values()].filter((secret) => secret.namespace === namespace)),
      create: (secret) =>
        promise(() => {
          if (secrets.has(key(secret))) throw new SecretExistsError(secret);
          secrets.set(key(secret), secret);
        }),
      update: (secret) =>
        promise(() => {
          if (!secrets.has(key(secret))) throw new SecretNotFoundError(secret);
          secrets.set(key(secret), secret);
        }),
      remove: (name) =>
        promise(() => {
          if (!secrets.delete(key(name))) throw new SecretNotFoundError(name);
        }),
    },
  };
}
