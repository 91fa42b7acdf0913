/** A worker on a real queue, whose functions are one real HTTP server on a unix socket. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import { Registry } from '@prometheus-io/client';
import { silentLog } from '../../../../src/base/log.ts';
import { AsyncMetrics } from '../../../../src/gateway/async/async-metrics.ts';
import { CallSender } from '../../../../src/gateway/async/call-sender.ts';
import { callbackOf } from '../../../../src/gateway/async/callback-call.ts';
import type { CallRecord, Header, NewCall, Queue, TakenCall } from '../../../../src/gateway/async/queue.ts';
import type { AttemptOutcome } from '../../../../src/gateway/async/retry-plan.ts';
import { SqliteQueue } from '../../../../src/gateway/async/sqlite-queue.ts';
import { AsyncWorker } from '../../../../src/gateway/async/worker.ts';
import { workloadOf } from '../../../../src/provider/index.ts';
import { until } from '../../../helpers/poll.ts';

export interface Posted {
  callback: TakenCall;
  headers: Record<string, string>;
  body: string;
}

export interface Working {
  queue: Queue;
  worker: AsyncWorker;
  registry: Registry;
  /** What was posted to callbacks. */
  posted: Posted[];
  add(call: Partial<NewCall> & { id: string }, body?: string): Promise<void>;
  /** Waits until a call has come to its end. */
  ended(id: string): Promise<CallRecord>;
  /** Aborts the worker's signal, and waits for it. */
  stop(): Promise<void>;
}

export interface WorkingOptions {
  /** The functions, by the URL of a request to the gateway. */
  listener: (req: IncomingMessage, res: ServerResponse) => void;
  annotations?: Record<string, string>;
  replicas?: number;
  maxInflight?: number;
  concurrency?: number;
  answerLimitBytes?: number;
  post?: (callback: TakenCall, signal: AbortSignal) => Promise<AttemptOutcome>;
  /** What is sent of a call that was taken. */
  sent?: (call: TakenCall) => TakenCall;
}

/** Retries come at once here. */
export const hasty = { 'com.openfaas.retry.min_wait': '1ms', 'com.openfaas.retry.max_wait': '5ms' };

export const fnOf = (name: string) => ({ name, namespace: 'openfaas-fn' });

export async function startWorking(t: ExecutionContext, options: WorkingOptions): Promise<Working> {
  const folder = await mkdtemp(join(tmpdir(), 'working-'));
  const socketPath = join(folder, 'calls.sock');
  const functions = createServer(options.listener).listen(socketPath);
  await once(functions, 'listening');
  const queue = await SqliteQueue.open({ dir: join(folder, 'async'), log: silentLog, maxCalls: 20_000, maxBytes: 1e9 });
  const sender = new CallSender({ socketPath, folder, answerLimitBytes: options.answerLimitBytes ?? 1e6 });
  const posted: Posted[] = [];
  const note = async (callback: TakenCall): Promise<AttemptOutcome> => {
    const body = await text(callback.body());
    posted.push({ callback, headers: Object.fromEntries(callback.headers), body });
    return { status: 202, beganMs: 0, endedMs: 0 };
  };
  const registry = new Registry();
  const worker = new AsyncWorker({
    queue,
    send: (call, how) => sender.send(options.sent?.(call) ?? call, how),
    post: options.post ?? note,
    callbackOf: (call, answer) => callbackOf(call, answer, 'openfaas-fn'),
    ruleOf: (fn) => {
      const { replicas = 1, maxInflight, annotations } = options;
      return Promise.resolve({ rule: workloadOf({ ...fn, image: '', annotations }).async, replicas, maxInflight });
    },
    concurrency: options.concurrency ?? 100,
    metrics: new AsyncMetrics(registry, queue),
    log: silentLog,
  });
  const ending = new AbortController();
  const running = worker.run(ending.signal);
  const stop = async () => {
    ending.abort();
    await running;
  };
  t.teardown(async () => {
    functions.closeAllConnections();
    functions.close();
    await stop();
    sender.close();
    await queue.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    ...{ queue, worker, registry, posted, stop },
    add: ({ id, ...rest }, body = '') => {
      const headers: Header[] = [['X-Call-Id', id]];
      return queue.add({ id, kind: 'call', fn: fnOf('fn'), path: '/', headers, ...rest }, Buffer.from(body));
    },
    ended: (id) =>
      until(
        async () => {
          const call = await queue.get(id);
          return call?.endedMs === undefined ? undefined : call;
        },
        { timeoutMs: 30_000, message: `the end of ${id}` },
      ),
  };
}
