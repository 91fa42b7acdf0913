/** A provider on typed verbs that keeps everything in memory; see docs/sdk.md. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  FunctionExistsError,
  FunctionNotFoundError,
  handlersFor,
  NoEndpointsError,
  readConfig,
  serve,
  type FunctionDeployment,
  type FunctionName,
  type FunctionStatus,
  type Provider,
} from 'berth';

// Every function is this server: it answers with what it is sent.
const echo = createServer((req, res) => req.pipe(res)).listen(0, '127.0.0.1');
const functions = new Map<string, FunctionStatus>();
const key = ({ name, namespace }: FunctionName) => `${name}.${namespace}`;

function find(name: FunctionName): FunctionStatus {
  const status = functions.get(key(name));
  if (!status) throw new FunctionNotFoundError(name);
  return status;
}

function run(deployment: FunctionDeployment): 'ready' {
  functions.set(key(deployment), { labels: {}, annotations: {}, ...deployment, replicas: 1, availableReplicas: 1 });
  return 'ready';
}

const provider: Provider = {
  info: async () => ({ provider: 'memory', orchestration: 'none', version: { release: '1.0.0', sha: 'none' } }),
  deploy: async (deployment) => {
    if (functions.has(key(deployment))) throw new FunctionExistsError(deployment);
    return run(deployment);
  },
  update: async (deployment) => find(deployment) && run(deployment),
  remove: async (name) => void functions.delete(key(find(name))),
  list: async (namespace) => [...functions.values()].filter((status) => status.namespace === namespace),
  status: async (name) => find(name),
  scale: async (name, replicas) => void Object.assign(find(name), { replicas, availableReplicas: replicas }),
  resolve: async (name) => {
    if (find(name).availableReplicas === 0) throw new NoEndpointsError(name);
    return { hostname: '127.0.0.1', port: (echo.address() as AddressInfo).port, release: () => {} };
  },
};

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const config = readConfig(process.env);
const server = await serve(handlersFor(provider, config), config, { signal: stopping.signal });
console.log(`serving on port ${server.port}`);
await server.closed;
echo.close();
