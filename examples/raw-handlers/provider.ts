/** The provider of examples/memory, on the raw handler table: each handler answers its request for itself. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  FunctionExistsError,
  FunctionNotFoundError,
  functionProxy,
  NoEndpointsError,
  parseDeployment,
  parseFunctionName,
  parseNamespaceQuery,
  parseScale,
  parseStatusRequest,
  readConfig,
  serve,
  type FaaSHandlers,
  type FunctionDeployment,
  type FunctionName,
  type FunctionStatus,
} from 'berth';

const echo = createServer((req, res) => req.pipe(res)).listen(0, '127.0.0.1');
const functions = new Map<string, FunctionStatus>();
const config = readConfig(process.env);
const key = ({ name, namespace }: FunctionName) => `${name}.${namespace}`;

function find(name: FunctionName): FunctionStatus {
  const status = functions.get(key(name));
  if (!status) throw new FunctionNotFoundError(name);
  return status;
}

function run(deployment: FunctionDeployment): void {
  functions.set(key(deployment), { labels: {}, annotations: {}, ...deployment, replicas: 1, availableReplicas: 1 });
}

const handlers: FaaSHandlers = {
  functionProxy: functionProxy(async (name) => {
    if (!functions.get(key(name))?.availableReplicas) throw new NoEndpointsError(name);
    return { hostname: '127.0.0.1', port: (echo.address() as AddressInfo).port, release: () => {} };
  }, config),
  info: async (ctx) => {
    ctx.body = { provider: 'memory', orchestration: 'none', version: { release: '1.0.0', sha: 'none' } };
  },
  health: async (ctx) => {
    ctx.body = 'OK';
  },
  deployFunction: async (ctx) => {
    const deployment = parseDeployment(ctx);
    if (functions.has(key(deployment))) throw new FunctionExistsError(deployment);
    run(deployment);
    ctx.status = 202;
  },
  updateFunction: async (ctx) => {
    const deployment = parseDeployment(ctx);
    find(deployment);
    run(deployment);
    ctx.status = 200;
  },
  deleteFunction: async (ctx) => {
    functions.delete(key(find(parseFunctionName(ctx))));
    ctx.status = 202;
  },
  functionLister: async (ctx) => {
    const namespace = parseNamespaceQuery(ctx);
    ctx.body = [...functions.values()].filter((status) => status.namespace === namespace);
  },
  functionStatus: async (ctx) => {
    ctx.body = find(parseStatusRequest(ctx));
  },
  scaleFunction: async (ctx) => {
    const { replicas, ...name } = parseScale(ctx);
    Object.assign(find(name), { replicas, availableReplicas: replicas });
    ctx.status = 202;
  },
};

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const server = await serve(handlers, config, { signal: stopping.signal });
console.log(`serving on port ${server.port}`);
await server.closed;
echo.close();
