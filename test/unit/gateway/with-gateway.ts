import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { Registry } from '@prometheus-io/client';
import { createGateway, openRoutes, type Gateway, type GatewayOptions } from '../../../src/gateway/index.ts';
import { silentLog } from '../../../src/base/log.ts';
import { defaultConfig, serve, type FaaSConfig, type Route } from '../../../src/provider/index.ts';
import { CountingProvider } from './counting-provider.ts';

export interface World {
  /** The gateway's address, such as `http://127.0.0.1:1234`. */
  url: string;
  provider: CountingProvider;
  gateway: Gateway;
  registry: Registry;
}

export interface WorldOptions {
  gateway?: Partial<GatewayOptions>;
  config?: Partial<FaaSConfig>;
  /** Of the dashboard; none unless given. */
  uiPort?: number;
  /** Beside the gateway's own. */
  routes?: Route[];
  /** The function. */
  listener?: RequestListener;
}

/** A gateway on a real port, in front of a real HTTP server as the function; taken down with the test. */
export async function startGateway(t: ExecutionContext, options: WorldOptions = {}): Promise<World> {
  const fn = createServer(options.listener ?? ((req, res) => void req.resume().on('end', () => res.end('hello'))));
  fn.listen(0, '127.0.0.1');
  await once(fn, 'listening');
  t.teardown(() => {
    fn.closeAllConnections();
    fn.close();
  });
  const provider = new CountingProvider((fn.address() as AddressInfo).port);
  const registry = new Registry();
  const config = { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1', ...options.config };
  const gateway = createGateway({
    provider,
    config,
    version: { release: '0.0.0', sha: 'abc' },
    ready: () => true,
    registry,
    log: silentLog,
    ...options.gateway,
  });
  const extraRoutes = [...gateway.routes, ...openRoutes(options.uiPort ?? 0), ...(options.routes ?? [])];
  const server = await serve(gateway.handlers, config, { registry, extraRoutes, drainMs: 0 });
  t.teardown(() => server.close());
  return { url: `http://127.0.0.1:${server.port}`, provider, gateway, registry };
}

/** The samples of a metrics page whose name begins so. */
export async function samples(registry: Registry, name: string): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n');
  return lines.filter((line) => line.startsWith(name));
}
