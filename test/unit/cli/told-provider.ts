import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import type { PartHealth } from '../../../src/base/part-health.ts';
import {
  FunctionNotFoundError,
  type Environment,
  type FunctionName,
  type LogMessage,
  type LogRequest,
} from '../../../src/provider/index.ts';
import { CountingProvider } from '../gateway/counting-provider.ts';
import { startGateway } from '../gateway/with-gateway.ts';

/** A provider with namespaces and logs, for verbs to show. */
export class ToldProvider extends CountingProvider {
  /** What `logs` was asked for. */
  readonly asked: LogRequest[] = [];
  /** Functions that were restarted or rolled back. */
  readonly changed: [verb: string, fn: FunctionName][] = [];
  lines: LogMessage[] = [];
  /** Ends all that is followed. */
  cut = new AbortController();

  readonly namespaces = {
    list: () => Promise.resolve(['openfaas-fn', 'staging']),
    get: (name: string) => Promise.resolve({ name, labels: {}, annotations: {} }),
    create: () => Promise.resolve(),
    update: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  };

  async restart(fn: FunctionName): Promise<void> {
    await this.#change('restart', fn);
  }

  async rollBack(fn: FunctionName): Promise<void> {
    await this.#change('rollback', fn);
  }

  #change(verb: string, { name, namespace }: FunctionName): Promise<void> {
    this.changed.push([verb, { name, namespace }]);
    return name === 'absent' ? Promise.reject(new FunctionNotFoundError({ name, namespace })) : Promise.resolve();
  }

  logs(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<LogMessage>> {
    this.asked.push(request);
    if (request.name === 'absent') return Promise.reject(new FunctionNotFoundError(request));
    if (!request.follow) return Promise.resolve(Readable.from(this.lines) as AsyncIterable<LogMessage>);
    return Promise.resolve(followed(this.lines, AbortSignal.any([signal, this.cut.signal])));
  }
}

async function* followed(lines: LogMessage[], signal: AbortSignal): AsyncGenerator<LogMessage> {
  yield* lines;
  if (!signal.aborted) await once(signal, 'abort');
}

/** Serves the provider as the daemon does, without a password. */
export async function serveTold(
  t: ExecutionContext,
  { ready = true, parts = [] }: { ready?: boolean; parts?: PartHealth[] } = {},
): Promise<{ provider: ToldProvider; env: Environment }> {
  const provider = new ToldProvider();
  const { url } = await startGateway(t, { gateway: { provider, ready: () => ready, parts: () => parts } });
  return { provider, env: { port: new URL(url).port, bind: '127.0.0.1', basic_auth: 'false' } };
}
