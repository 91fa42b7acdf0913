import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from '@prometheus-io/client';
import type { ExecutionContext } from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { AsyncCalls, createGateway, openQueue, Schedules, type CallView } from '../../../../src/gateway/index.ts';
import type { Queue } from '../../../../src/gateway/async/queue.ts';
import { defaultConfig, serve, type FaaSConfig } from '../../../../src/provider/index.ts';
import { until } from '../../../helpers/poll.ts';
import { CountingProvider } from '../counting-provider.ts';

export interface AsyncWorldOptions {
  /** The functions. */
  listener?: RequestListener;
  bodyLimitBytes?: number;
  maxCalls?: number;
  config?: Partial<FaaSConfig>;
  /** Nothing is made. */
  idle?: boolean;
}

export interface AsyncWorld {
  /** The gateway's address, such as `http://127.0.0.1:1234`. */
  url: string;
  port: number;
  provider: CountingProvider;
  queue: Queue;
  asyncCalls: AsyncCalls;
  registry: Registry;
  post: (path: string, init?: RequestInit) => Promise<Response>;
  /** The call, once it is in one of these states. */
  untilState: (id: string, ...states: string[]) => Promise<CallView>;
}

/** A gateway with asynchronous calls in front of a real HTTP server as the functions; taken down with the test. */
export async function startAsync(t: ExecutionContext, options: AsyncWorldOptions = {}): Promise<AsyncWorld> {
  const { bodyLimitBytes = 1_000_000, maxCalls = 1000, idle = false } = options;
  const fn = createServer({ maxHeaderSize: 2_000_000 }, options.listener ?? ((req, res) => void req.pipe(res)));
  await once(fn.listen(0, '127.0.0.1'), 'listening');
  const provider = new CountingProvider((fn.address() as AddressInfo).port);
  const dir = await mkdtemp(path.join(tmpdir(), 'async-'));
  const answerFolder = path.join(dir, 'answers');
  await mkdir(answerFolder);
  const [registry, socketPath, log] = [new Registry(), path.join(dir, 'calls.sock'), silentLog];
  const config = { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1', ...options.config };
  const queue = await openQueue({ dir: path.join(dir, 'queue'), maxCalls, log });
  const settings = { bodyLimitBytes, concurrency: 10, retentionMs: 3_600_000, userAgent: 'berth/test' };
  const schedules = new Schedules({ queue, path: path.join(dir, 'schedules.json'), log });
  const asyncCalls = new AsyncCalls({
    ...settings,
    queue,
    schedules,
    provider,
    config,
    socketPath,
    answerFolder,
    registry,
    log,
  });
  const version = { release: '0.0.0', sha: 'abc' };
  const gateway = createGateway({ provider, config, version, ready: () => true, asyncCalls, registry, log });
  const server = await serve(gateway.handlers, config, { extraRoutes: gateway.routes, drainMs: 0, socketPath });
  const ending = new AbortController();
  await schedules.read();
  const working = idle ? Promise.resolve() : asyncCalls.run(ending.signal, Promise.resolve());
  t.teardown(async () => {
    ending.abort();
    fn.closeAllConnections();
    fn.close();
    await Promise.all([server.close(), working]);
    await asyncCalls.close();
    await rm(dir, { recursive: true });
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    port: server.port,
    provider,
    queue,
    asyncCalls,
    registry,
    post: (called, init) => fetch(`${url}/async-function/${called}`, { method: 'POST', ...init }),
    untilState: (id, ...states) =>
      until(async () => {
        const response = await fetch(`${url}/async-function/${id}`);
        const view = (await response.json()) as CallView;
        return states.includes(view.state) ? view : undefined;
      }),
  };
}
