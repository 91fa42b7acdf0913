/** A provider on typed verbs that keeps everything in memory; see docs/sdk.md. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BadRequestError,
  clampReplicas,
  FunctionExistsError,
  FunctionNotFoundError,
  handlersFor,
  NamespaceExistsError,
  NamespaceNotFoundError,
  NoEndpointsError,
  ProviderError,
  readConfig,
  SecretExistsError,
  SecretNotFoundError,
  serve,
  type FunctionDeployment,
  type FunctionName,
  type FunctionStatus,
  type Namespace,
  type Provider,
  type Secret,
  type SecretName,
} from 'berth';

const config = readConfig(process.env);
// Every function is this server: it answers with what it is sent.
const echo = createServer((req, res) => req.pipe(res)).listen(0, '127.0.0.1');
const functions = new Map<string, FunctionStatus>();
const secrets = new Map<string, Secret>();
const namespaces = new Map<string, Namespace>();
const key = ({ name, namespace }: FunctionName | SecretName) => `${name}.${namespace}`;

function keepNamespace({ name, labels, annotations }: Namespace): void {
  namespaces.set(name, { name, labels, annotations });
}

function requireNamespace(name: string): Namespace {
  const found = namespaces.get(name);
  if (!found) throw new NamespaceNotFoundError(name);
  return found;
}

function within<T extends FunctionName>(all: Map<string, T>, namespace: string): T[] {
  requireNamespace(namespace);
  return [...all.values()].filter((each) => each.namespace === namespace);
}

function find(name: FunctionName): FunctionStatus {
  const status = functions.get(key(name));
  if (!status) throw new FunctionNotFoundError(name);
  return status;
}

function requireSecret(secret: SecretName): void {
  if (!secrets.has(key(secret))) throw new SecretNotFoundError(secret);
}

function run(deployment: FunctionDeployment, replicas = clampReplicas(deployment, 1)): 'ready' {
  const { namespace, secrets: wanted = [] } = deployment;
  requireNamespace(namespace);
  const missing = wanted.find((name) => !secrets.has(key({ name, namespace })));
  if (missing !== undefined) throw new BadRequestError(`no secret ${missing}: create it first`);
  functions.set(key(deployment), { labels: {}, annotations: {}, ...deployment, replicas, availableReplicas: replicas });
  return 'ready';
}

const provider: Provider = {
  info: async () => ({ provider: 'memory', orchestration: 'none', version: { release: '1.0.0', sha: 'none' } }),
  deploy: async (deployment) => {
    if (functions.has(key(deployment))) throw new FunctionExistsError(deployment);
    return run(deployment);
  },
  update: async (deployment) => run(deployment, find(deployment).replicas),
  remove: async (name) => void functions.delete(key(find(name))),
  list: async (namespace) => within(functions, namespace),
  status: async (name) => find(name),
  scale: async (name, wanted) => {
    const replicas = clampReplicas(find(name), wanted);
    Object.assign(find(name), { replicas, availableReplicas: replicas });
  },
  resolve: async (name) => {
    if (find(name).availableReplicas === 0) throw new NoEndpointsError(name);
    return { hostname: '127.0.0.1', port: (echo.address() as AddressInfo).port, release: () => {} };
  },
  secrets: {
    list: async (namespace) => within(secrets, namespace),
    create: async (secret) => {
      requireNamespace(secret.namespace);
      if (secrets.has(key(secret))) throw new SecretExistsError(secret);
      secrets.set(key(secret), secret);
    },
    update: async (secret) => {
      requireSecret(secret);
      secrets.set(key(secret), secret);
    },
    remove: async (secret) => {
      requireSecret(secret);
      secrets.delete(key(secret));
    },
  },
  namespaces: {
    list: async () => [...namespaces.keys()],
    get: async (name) => requireNamespace(name),
    create: async (namespace) => {
      if (namespaces.has(namespace.name)) throw new NamespaceExistsError(namespace.name);
      keepNamespace(namespace);
    },
    update: async (namespace) => {
      requireNamespace(namespace.name);
      keepNamespace(namespace);
    },
    remove: async (name) => {
      if (within(functions, name).length > 0)
        throw new ProviderError(409, `namespace ${name} has functions: remove them`);
      namespaces.delete(name);
    },
  },
};
keepNamespace({ name: config.defaultNamespace, labels: {}, annotations: {} });

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const server = await serve(handlersFor(provider, config), config, { signal: stopping.signal });
console.log(`serving on port ${server.port}`);
await server.closed;
echo.close();
