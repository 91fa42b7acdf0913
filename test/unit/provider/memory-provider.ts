import {
  type DeployOptions,
  type FunctionDeployment,
  type FunctionFile,
  FunctionExistsError,
  type FunctionName,
  FunctionNotFoundError,
  type FunctionStatus,
  NoEndpointsError,
  type Provider,
  type Secret,
  SecretExistsError,
  SecretNotFoundError,
  type SecretVerbs,
} from '../../../src/index.ts';

const key = ({ name, namespace }: FunctionName) => `${name}.${namespace}`;

/** What the SDK asks of a back end, with no function that runs. The README's example is one that can be called. */
export function memoryProvider(): Provider {
  const functions = new Map<string, FunctionStatus>();
  const files = new Map<string, FunctionFile>();

  const find = (name: FunctionName): FunctionStatus => {
    const found = functions.get(key(name));
    if (!found) throw new FunctionNotFoundError(name);
    return found;
  };
  const store = (deployment: FunctionDeployment, { file }: DeployOptions = {}): 'ready' => {
    if (file) files.set(key(deployment), file);
    functions.set(key(deployment), { labels: {}, annotations: {}, ...deployment, replicas: 1, availableReplicas: 1 });
    return 'ready';
  };

  return {
    info: () =>
      Promise.resolve({ provider: 'memory', orchestration: 'none', version: { release: '1.0.0', sha: 'abc' } }),
    deploy: (deployment, options) =>
      Promise.try(() => {
        if (functions.has(key(deployment))) throw new FunctionExistsError(deployment);
        return store(deployment, options);
      }),
    update: (deployment, options) => Promise.try(() => find(deployment) && store(deployment, options)),
    remove: (name) => Promise.try(() => void functions.delete(key(find(name)))),
    fromFiles: () =>
      Promise.resolve(
        [...functions.values()].flatMap(({ name, namespace }) => {
          const file = files.get(key({ name, namespace }));
          return file ? { name, namespace, file } : [];
        }),
      ),
    list: (namespace) => Promise.resolve([...functions.values()].filter((status) => status.namespace === namespace)),
    status: (name) => Promise.try(() => ({ ...find(name), ...withFile(files.get(key(name))) })),
    scale: (name, replicas) =>
      Promise.try(() => void Object.assign(find(name), { replicas, availableReplicas: replicas })),
    resolve: (name) =>
      Promise.try(() => {
        throw new NoEndpointsError(find(name));
      }),
    secrets: memorySecrets(),
  };
}

function withFile(file: FunctionFile | undefined): Pick<FunctionStatus, 'berth'> {
  return file ? { berth: { file: file.path } } : {};
}

function memorySecrets(): SecretVerbs {
  const secrets = new Map<string, Secret>();
  return {
    list: (namespace) => Promise.resolve([...secrets.values()].filter((secret) => secret.namespace === namespace)),
    create: (secret) =>
      Promise.try(() => {
        if (secrets.has(key(secret))) throw new SecretExistsError(secret);
        secrets.set(key(secret), secret);
      }),
    update: (secret) =>
      Promise.try(() => {
        if (!secrets.has(key(secret))) throw new SecretNotFoundError(secret);
        secrets.set(key(secret), secret);
      }),
    remove: (name) =>
      Promise.try(() => {
        if (!secrets.delete(key(name))) throw new SecretNotFoundError(name);
      }),
  };
}
